import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AF, SOCK } from '../../src/kernel/constants.ts';
import { CONTROL } from '../../src/kernel/protocol.ts';
import { play } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import { sendSignal } from '../../src/runtime/control.ts';
import { follow } from '../../src/runtime/wait.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('the control socket'), linux());
const NO_CHILD = 1 << 30;

function socketPair(): [number, number] {
  const sv = { bytes: Buffer.alloc(8), shown: '[a, b]' };
  const type = SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC;
  const bytes = play('test', [step('socketpair', { domain: AF.AF_UNIX, type, protocol: 0, sv }, 'test')]).bytes(sv);
  return [bytes.readInt32LE(0), bytes.readInt32LE(4)];
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

test('a signal never goes to whatever has the number of the closed socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-wait-'));
  const [ours, theirs] = socketPair();
  const followed = follow({ control: ours, monitor: NO_CHILD });
  let over = false;
  void followed.exited.then(() => (over = true));
  followed.signal(15);
  closeSync(theirs);
  // From the very moment at which the number is free, which is before anybody is told: in the phase after the one that closed it.
  let other: number | undefined;
  for (let ticks = 0; !over && ticks < 10_000; ticks++) {
    if (other === undefined && !isOpen(ours)) {
      other = openSync(join(directory, 'file'), 'w+');
      assert.is(other, ours, 'the number is used again');
    }
    followed.signal(15);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is(await followed.exited, 125, 'the monitor is lost');
  followed.signal(15);
  assert.is.not(other, undefined, 'the test saw the moment');
  assert.is(fstatSync(other!).size, 0);
  closeSync(other!);
  rmSync(directory, { recursive: true });
});

test('the last word is heard, whatever is said to a monitor that has just gone', async () => {
  const [ours, theirs] = socketPair();
  const last = Buffer.alloc(CONTROL.bytes);
  last.writeUInt32LE(CONTROL.exited);
  last.writeInt32LE(7, 4);
  const followed = follow({ control: ours, monitor: NO_CHILD });
  sendSignal(ours, 9);
  writeSync(theirs, last);
  closeSync(theirs);
  followed.signal(9);
  assert.is(await followed.exited, 7);
});

test.run();
