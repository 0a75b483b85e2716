import { play, playAsync } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';

const POLLIN = 1;

/** ppoll(2) of one descriptor; leaves in the slot `ready` whether there is something to read, or, of a pidfd, whether it has ended. */
function pollStep(fd: number, withinMs: number, why: string): Step {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(fd);
  bytes.writeInt16LE(POLLIN, 4);
  const time = Buffer.alloc(16);
  time.writeBigInt64LE(BigInt(Math.floor(withinMs / 1000)), 0);
  time.writeBigInt64LE(BigInt(Math.floor((withinMs % 1000) * 1e6)), 8);
  const fds = { bytes, shown: `[{fd=${fd}, events=POLLIN}]` };
  const args = { fds, nfds: 1, tmo_p: { bytes: time, shown: `{${withinMs} ms}` }, sigmask: 0, sigsetsize: 8 };
  return step('poll', args, why, { save: 'ready', expect: { EINTR: 0 } });
}

/** Nothing else happens in this thread meanwhile. */
export function isReady(fd: number, withinMs: number, why: string): boolean {
  return play('wait', [pollStep(fd, withinMs, why)]).value('ready') > 0;
}

/** The same on a thread of libuv's pool. */
export async function becomesReady(fd: number, withinMs: number, why: string): Promise<boolean> {
  return (await playAsync('wait', [pollStep(fd, withinMs, why)])).value('ready') > 0;
}
