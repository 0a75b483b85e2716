import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEnv, parseEnvFile } from '../../../src/engine/options/parse-env.ts';
import { failure, reads, refuses } from './tables.ts';

const test = suite('options/env');
const caller = { HOME: '/home/me', EMPTY: '' };

reads(test, (text) => parseEnv(text, caller), [
  ['A=1', ['A', '1']],
  ['A=', ['A', '']],
  ['A=b=c', ['A', 'b=c']],
  ['A="q"', ['A', '"q"']],
  ['A=line\nbreak', ['A', 'line\nbreak']],
  ['odd name=1', ['odd name', '1']],
  ['HOME', ['HOME', '/home/me']],
  ['EMPTY', ['EMPTY', '']],
  ['MISSING', ['MISSING', null]],
  ['constructor', ['constructor', null]],
  ['__proto__=x', ['__proto__', 'x']],
]);

refuses(test, (text) => parseEnv(text, caller), [
  ['', 'invalid environment variable: '],
  ['=1', 'invalid environment variable: =1'],
  ['A=1\0B=2', 'invalid environment variable: A=1\\x00B=2'],
]);

function file(content: string | Buffer): unknown {
  return parseEnvFile(Buffer.from(content), 'vars', caller);
}

test('env file: comments, blank lines, no quotes, blanks kept in values, CRLF', () => {
  const text = '# comment\n\n  A=1 \nB="x y"\r\n\tC=#no\nHOME\nMISSING\nD=';
  assert.equal(file(text), [
    ['A', '1 '],
    ['B', '"x y"'],
    ['C', '#no'],
    ['HOME', '/home/me'],
    ['D', ''],
  ]);
});

test('env file: a BOM at the start is no part of the name', () => {
  assert.equal(file('\uFEFFA=1\nB=2\n'), [
    ['A', '1'],
    ['B', '2'],
  ]);
  assert.equal(file('\uFEFF'), []);
});

test('env file: an error says the file and the line', () => {
  const rows: Array<[string | Buffer, string]> = [
    ['A=1\n=2\n', "invalid env file (vars): line 2: no variable name on line '=2'"],
    ['A =1', "invalid env file (vars): line 1: variable 'A ' contains whitespaces"],
    ['export A=1', "invalid env file (vars): line 1: variable 'export A' contains whitespaces"],
    [Buffer.from([0x41, 0x3d, 0x0a, 0x42, 0x3d, 0xff]), 'invalid env file (vars): line 2: invalid UTF-8'],
    ['A=\0', 'invalid env file (vars): line 1: a variable cannot contain a NUL character'],
    [`A=${'x'.repeat(70_000)}`, 'invalid env file (vars): line 1: longer than 65536 bytes'],
  ];
  for (const [content, message] of rows) assert.is(failure(() => file(content)).message, message);
});

test.run();
