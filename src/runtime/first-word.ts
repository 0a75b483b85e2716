import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { F } from '../kernel/constants.ts';
import { CONTROL } from '../kernel/protocol.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { type ControlMessage, nextMessageSync, parseMessage } from './control.ts';
import { isReady } from './poll.ts';

/** How long to wait, for how much of that the event loop may stand still, and who may call it off. */
export interface Patience {
  patienceMs: number;
  blockingMs: number;
  stop?: AbortSignal | undefined;
}

/**
 * The monitor's first message. What runs in the container may stop the process that enters it, so that this takes as long as it likes:
 * after `blockingMs` the event loop goes on meanwhile.
 * @returns undefined when the monitor has gone without one; 'late' or 'stopped' when nothing has come
 */
export async function firstWord(
  control: number,
  { patienceMs, blockingMs, stop }: Patience,
): Promise<ControlMessage | 'late' | 'stopped' | undefined> {
  if (isReady(control, Math.min(blockingMs, patienceMs), 'a word of the monitor’s')) return nextMessageSync(control);
  // The socket closes what it is given; the relay still needs the control socket itself.
  const duplicate = step('fcntl', { fd: slot('control'), cmd: F.F_DUPFD_CLOEXEC, arg: 0 }, 'to wait', { save: 'own' });
  const own = play('wait', [duplicate], { control }).value('own');
  return new Promise((resolve, reject) => {
    let socket: Socket;
    try {
      socket = new Socket({ fd: own, readable: true, writable: false });
    } catch (error) {
      closeSync(own);
      reject(error);
      return;
    }
    let rest = Buffer.alloc(0);
    const finish = (result: ControlMessage | 'late' | 'stopped' | undefined) => {
      clearTimeout(timer);
      stop?.removeEventListener('abort', stopped);
      socket.destroy();
      resolve(result);
    };
    const stopped = () => finish('stopped');
    const timer = setTimeout(() => finish('late'), patienceMs);
    stop?.addEventListener('abort', stopped);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (rest.length >= CONTROL.bytes) finish(parseMessage(rest.subarray(0, CONTROL.bytes)));
    });
    socket.on('error', () => finish(undefined));
    socket.on('close', () => finish(undefined));
    if (stop?.aborted) stopped();
  });
}
