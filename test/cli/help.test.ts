import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROGRAM } from '../support/tsrun.ts';

const test = suite('help');

function tsrun(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--', PROGRAM, ...words], { encoding: 'utf8' });
  assert.is(stderr, '');
  assert.is(status, 0);
  return stdout;
}

for (const verb of ['run', 'exec'])
  test(`help ${verb} shows every option, as ${verb} --help does`, () => {
    assert.match(tsrun('help', verb), '--env-file');
    assert.is(tsrun('help', verb), tsrun(verb, '--help'));
  });

test('-h before a verb shows the options of all verbs', () => assert.match(tsrun('-h', 'run'), '--data-root'));

const words = (text: string): string => text.trim().split(/\s+/).join(' ');
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const shown = [...readme.matchAll(/^\$ tsrun ((?:[a-z]+ )*--help)\n(.*?)\n```$/gms)];

test('the README shows the help of tsrun, of run and of exec', () =>
  assert.equal(
    shown.map(([, command]) => command),
    ['--help', 'run --help', 'exec --help'],
  ));
for (const [, command = '', text = ''] of shown)
  test(`the README shows what tsrun ${command} prints, folded`, () =>
    assert.is(words(text), words(tsrun(...command.split(' ')))));

test.run();
