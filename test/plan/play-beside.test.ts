import { closeSync, existsSync, mkdtempSync, readFile, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AT, O } from '../../src/kernel/constants.ts';
import { play, playBeside } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('plans beside'), linux());
const directory = mkdtempSync(join(tmpdir(), 'tsrun-beside-'));
const at = (name: string): string => join(directory, name);
const makeDirectory = (name: string) =>
  step('mkdirat', { dirfd: AT.AT_FDCWD, pathname: at(name), mode: 0o755 }, 'a directory');
const fifo = (name: string) =>
  step('mknodat', { dirfd: AT.AT_FDCWD, pathname: at(name), mode: 0o010600, dev: 0 }, 'a fifo');

const openToWrite = step(
  'openat',
  { dirfd: AT.AT_FDCWD, pathname: at('busy'), flags: O.O_WRONLY | O.O_NONBLOCK | O.O_CLOEXEC, mode: 0 },
  'somebody reads',
  { save: 'end', ignoreErrors: true },
);

test.after(() => rmSync(directory, { recursive: true }));

test('it is played by the time that it is waited for', () => {
  playBeside('beside', [makeDirectory('one')])();
  assert.ok(existsSync(at('one')));
});

test('what fails is thrown where it is waited for, each time', () => {
  const wait = playBeside('beside', [makeDirectory('one'), makeDirectory('never')]);
  assert.throws(wait, /beside: mkdirat\(.*EEXIST/);
  assert.throws(wait, /beside: mkdirat\(.*EEXIST/);
  assert.not.ok(existsSync(at('never')));
});

test('a pool whose threads are all busy is not waited for', async () => {
  // More than libuv has threads: each waits for somebody to write.
  play('busy', [fifo('busy')]);
  const reads = Array.from({ length: 8 }, () => new Promise((resolve) => readFile(at('busy'), resolve)));
  playBeside('beside', [makeDirectory('two')])();
  assert.ok(existsSync(at('two')));
  // One that opens it for writing and closes it ends those that have opened it; the others come after.
  let over = false;
  const done = Promise.all(reads).then(() => {
    over = true;
  });
  while (!over) {
    const end = play('end', [openToWrite]).value('end');
    if (end > 0) closeSync(end);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await done;
});

test.run();
