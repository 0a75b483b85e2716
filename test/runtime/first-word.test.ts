import { closeSync, writeSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AF, SOCK } from '../../src/kernel/constants.ts';
import { CONTROL } from '../../src/kernel/protocol.ts';
import { play } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import { nextMessageSync } from '../../src/runtime/control.ts';
import { firstWord } from '../../src/runtime/first-word.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('a monitor’s first word'), linux());

function pair(): [number, number] {
  const sv = { bytes: Buffer.alloc(8), shown: '[a, b]' };
  const args = { domain: AF.AF_UNIX, type: SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC, protocol: 0, sv };
  const made = play('pair', [step('socketpair', args, 'test')]).bytes(sv);
  return [made.readInt32LE(0), made.readInt32LE(4)];
}

const words = (...pairs: [number, number][]): Buffer => Buffer.from(new Int32Array(pairs.flat()).buffer);
const patience = { patienceMs: 10_000, blockingMs: 1 };

test('that is late takes none of those behind it: a command may have ended by then', async () => {
  const [ours, theirs] = pair();
  const word = firstWord(ours, patience);
  writeSync(theirs, words([CONTROL.started, 7], [CONTROL.exited, 3]));
  closeSync(theirs);
  assert.equal(await word, { type: CONTROL.started, value: 7 });
  assert.equal(nextMessageSync(ours), { type: CONTROL.exited, value: 3 });
  closeSync(ours);
});

test('that never comes: its end, the end of patience, and who calls it off', async () => {
  const [ours, theirs] = pair();
  assert.is(await firstWord(ours, { patienceMs: 10, blockingMs: 1 }), 'late');
  const stop = new AbortController();
  const word = firstWord(ours, { ...patience, stop: stop.signal });
  stop.abort();
  assert.is(await word, 'stopped');
  const gone = firstWord(ours, patience);
  closeSync(theirs);
  assert.is(await gone, undefined);
  closeSync(ours);
});

test.run();
