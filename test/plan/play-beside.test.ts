import { closeSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

const openBusy = (flags: number) =>
  step('openat', { dirfd: AT.AT_FDCWD, pathname: at('busy'), flags: flags | O.O_CLOEXEC, mode: 0 }, 'a fifo', {
    save: 'end',
  });
const openToWrite = openBusy(O.O_WRONLY);
const openToRead = openBusy(0);

const tasks = (): string[] => readdirSync('/proc/self/task').map((task) => `/proc/self/task/${task}`);

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

test('it is played by another thread', () => {
  // To open a fifo waits for who opens its other end: a thread alone would wait for itself.
  play('meet', [fifo('meet')]);
  const open = (flags: number) =>
    step('openat', { dirfd: AT.AT_FDCWD, pathname: at('meet'), flags: flags | O.O_CLOEXEC, mode: 0 }, 'meet', {
      save: 'end',
    });
  const wait = playBeside('beside', [open(O.O_WRONLY), makeDirectory('met')]);
  closeSync(play('meet', [open(0)]).value('end'));
  wait();
  assert.ok(existsSync(at('met')));
});

test('there is one such thread: a second plan is played where it is waited for', () => {
  play('busy', [fifo('busy')]);
  const first = playBeside('first', [openToWrite, makeDirectory('first')]);
  playBeside('second', [makeDirectory('second')])();
  assert.ok(existsSync(at('second')));
  assert.not.ok(existsSync(at('first')));
  // A handler of Node's would find the main thread's data in its place.
  assert.is(
    tasks().filter((task) => /SigBlk:\tfffffffffffbfeff/.test(readFileSync(`${task}/status`, 'utf8'))).length,
    1,
  );
  closeSync(play('end', [openToRead]).value('end'));
  first();
  assert.ok(existsSync(at('first')));
});

test('it leaves no thread', () => {
  const before = tasks().length;
  for (let i = 0; i < 200; i++) playBeside('beside', [makeDirectory(`of ${i}`)])();
  assert.ok(existsSync(at('of 199')));
  assert.ok(tasks().length <= before + 1, `${tasks().length} threads, ${before} before`);
});

test.run();
