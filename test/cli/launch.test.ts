import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linux, needs } from '../support/needs.ts';
import { PROGRAM } from '../support/tsrun.ts';

/** What is typed: a link to the static program, native/launch.c. */
const TYPED = join(dirname(PROGRAM), 'tsrun');
const NODE = dirname(process.execPath);

const test = needs(suite('what starts Node'), linux());
const directory = mkdtempSync(join(tmpdir(), 'tsrun-launch-'));
test.after(() => rmSync(directory, { recursive: true }));

function launch(path: string | undefined, words: string[], program = TYPED, cwd = '/') {
  const env = path === undefined ? {} : { PATH: path };
  return spawnSync(program, words, { env, cwd, encoding: 'utf8' });
}

/** A directory with a `node` that says its words. */
function fakeNode(name: string, mode = 0o755): string {
  const place = join(directory, name);
  mkdirSync(place);
  writeFileSync(join(place, 'node'), `#!/bin/sh\nprintf '<%s>' "$@"\n`);
  chmodSync(join(place, 'node'), mode);
  return place;
}

test('a Node of PATH runs our program', () => {
  const { status, stdout } = launch(`/nonsuch:${NODE}`, ['version']);
  assert.is(status, 0);
  assert.match(stdout, /^Client: tsrun\n/);
});

test('all words are handed on as they are, behind a --', () => {
  const { stdout } = launch(fakeNode('words'), ['run', '', '--env-file', 'a b\n', '*']);
  assert.is(stdout, `<--><${PROGRAM}><run><><--env-file><a b\n><*>`);
});

test('the first that can be executed is taken', () => {
  const cannot = fakeNode('cannot', 0o644);
  const first = fakeNode('first');
  assert.match(launch(`${cannot}:${first}:${NODE}`, ['version']).stdout, /^<-->/);
});

test('an empty place in PATH is the working directory', () => {
  const here = fakeNode('here');
  for (const path of ['', ':', '/nonsuch::/none', '/nonsuch:']) {
    assert.match(launch(path, ['version'], TYPED, here).stdout, /^<-->/, JSON.stringify(path));
  }
});

test('links lead to it from anywhere', () => {
  const link = join(directory, 'a link');
  symlinkSync(TYPED, link);
  assert.match(launch(NODE, ['version'], link).stdout, /^Client: tsrun\n/);
});

test('a node that cannot be executed for another reason is not passed over', () => {
  const place = join(directory, 'no program');
  mkdirSync(place);
  writeFileSync(join(place, 'node'), 'neither');
  chmodSync(join(place, 'node'), 0o755);
  const { status, stderr } = launch(`${place}:${NODE}`, ['version']);
  assert.equal([status, stderr], [125, 'tsrun: node: execve failed with errno 8\n']);
});

test('without Node it says so', () => {
  for (const path of ['/nonsuch', `${fakeNode('never', 0o644)}:/none`, `/${'x'.repeat(5000)}`]) {
    const { status, stdout, stderr } = launch(path, ['version']);
    assert.equal([status, stdout], [125, '']);
    assert.is(stderr, 'tsrun: node: no such program could be executed\nhint: tsrun needs Node 20 or newer in PATH\n');
  }
});

test.run();
