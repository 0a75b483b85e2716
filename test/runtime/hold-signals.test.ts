import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { play } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('held signals'), linux());
const SIGUSR2 = 12;
const MASK = 1 << (SIGUSR2 - 1);
const hold = (set: number): number =>
  play('test', [step('hold_signals', { set }, 'test', { save: 'waiting' })]).value('waiting');

test('one to the process waits, whichever thread gets it, and comes when it is let in', async () => {
  const came: string[] = [];
  let told = () => {};
  const listener = (signal: string) => {
    came.push(signal);
    told();
  };
  process.on('SIGUSR2', listener);
  for (let round = 1; round <= 20; round++) {
    assert.is(hold(MASK), 0);
    // From outside, to the process: the kernel chooses a thread that has not blocked it.
    assert.is(spawnSync('kill', ['-USR2', `${process.pid}`]).status, 0);
    const deadline = performance.now() + 5000;
    // Asked twice it could be on its way from the thread that got it to ours.
    let waits = false;
    while (!waits && performance.now() < deadline) waits = hold(MASK) === MASK;
    assert.ok(waits, 'it waits');
    await new Promise((resolve) => setImmediate(resolve));
    assert.is(came.length, round - 1, 'and nobody has heard of it');
    const limit = setTimeout(() => told(), 5000);
    const next = new Promise<void>((resolve) => (told = resolve));
    assert.is(hold(0), 0);
    await next;
    clearTimeout(limit);
    assert.is(came.length, round);
  }
  process.off('SIGUSR2', listener);
});

test('letting in what is not held does nothing', () => {
  assert.is(hold(0), 0);
});

test.run();
