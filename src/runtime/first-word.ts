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
    // Not a byte more than one word: the next may be there already, and is the relay's.
    const word = Buffer.alloc(CONTROL.bytes);
    const take = (length: number): boolean => {
      finish(length === CONTROL.bytes ? parseMessage(word) : undefined);
      return false;
    };
    let socket: Socket;
    try {
      // Its types know this option of connect(2)'s only.
      const options = { fd: own, readable: true, writable: false, onread: { buffer: word, callback: take } };
      socket = new Socket(options);
    } catch (error) {
      closeSync(own);
      reject(error);
      return;
    }
    const finish = (result: ControlMessage | 'late' | 'stopped' | undefined) => {
      clearTimeout(timer);
      stop?.removeEventListener('abort', stopped);
      socket.destroy();
      resolve(result);
    };
    const stopped = () => finish('stopped');
    const timer = setTimeout(() => finish('late'), patienceMs);
    stop?.addEventListener('abort', stopped);
    socket.on('error', () => finish(undefined));
    socket.on('close', () => finish(undefined));
    if (stop?.aborted) stopped();
  });
}
