import { readSync, writeSync } from 'node:fs';
import { CONTROL, FD_CONTROL } from '../kernel/abi.ts';
import { CLONE, F } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import type { Struct } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { becomeSteps } from './become.ts';
import type { Connected } from './launch.ts';

const SIG_SETMASK = 2;
const ALL_SIGNALS: Struct = { bytes: Buffer.alloc(8, 0xff), shown: '~[]' };

/**
 * The command line has nothing left to decide: it becomes the relay, a few kilobytes instead of a Node process, which carries bytes
 * and signals and exits with the container's code. Does not return.
 */
export function becomeRelay(goal: string, connected: Connected): never {
  const { control, terminal, stdin, stdout, stderr } = connected;
  const letters = `${terminal === undefined ? '' : 't'}${connected.interactive ? 'i' : ''}`;
  const given: Record<string, number> = { control };
  const placed: Record<string, number> = { control: FD_CONTROL };
  const ends = terminal === undefined ? { stdin, stdout, stderr } : { terminal };
  Object.entries(ends).forEach(([name, fd], i) => {
    if (fd === undefined) return;
    given[name] = fd;
    placed[name] = FD_CONTROL + 1 + i;
  });
  play(
    goal,
    [
      step(
        'unshare',
        { flags: CLONE.CLONE_FILES },
        'descriptors of its own from here on: threads of Node wait on theirs until the exec, and abort when one is gone',
      ),
      // Node marks them close-on-exec.
      ...[0, 1, 2].map((fd) => step('fcntl', { fd, cmd: F.F_SETFD, arg: 0 }, 'keep standard input and output')),
      step(
        'rt_sigprocmask',
        { how: SIG_SETMASK, set: ALL_SIGNALS, oldset: null, sigsetsize: 8 },
        'none may end us before the relay waits for them',
      ),
      ...becomeSteps({ path: monitorPath() }, ['relay', letters], placed),
    ],
    given,
  );
  throw new Error('unreachable: execve returned');
}

export interface ControlMessage {
  type: number;
  value: number;
}

export function parseMessage(bytes: Buffer, length = bytes.length): ControlMessage | undefined {
  return length === CONTROL.bytes ? { type: bytes.readUInt32LE(0), value: bytes.readInt32LE(4) } : undefined;
}

/** Waits for the monitor's next message; undefined when it is gone. Blocks. */
export function nextMessageSync(control: number): ControlMessage | undefined {
  const bytes = Buffer.alloc(CONTROL.bytes);
  return parseMessage(bytes, readSync(control, bytes));
}

/** Asks the monitor to send a signal to the process that it keeps. */
export function sendSignal(control: number, signal: number): void {
  say(control, CONTROL.signal, signal);
}

/** What the monitor's clean-up will take away is all there now, or the caller is done: it may clean up when the time comes. */
export function sayGo(control: number): void {
  say(control, CONTROL.go, 0);
}

function say(control: number, type: number, value: number): void {
  const message = Buffer.alloc(CONTROL.bytes);
  message.writeUInt32LE(type);
  message.writeInt32LE(value, 4);
  try {
    writeSync(control, message);
  } catch {
    // it has ended already, or was killed: `ps` and `rm` see that
  }
}
