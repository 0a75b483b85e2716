import { closeSync, openSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { O } from '../kernel/constants.ts';
import { tryLock } from './lock.ts';

const PATIENCE_MS = 5_000;

/** One process at a time is in `work` for this directory; it is short and does not wait. @throws TsrunError 'conflict' after seconds */
export function whileLocked<T>(directory: string, goal: string, work: () => T): T {
  const fd = openSync(directory, O.O_DIRECTORY);
  try {
    const deadline = monotonicMs() + PATIENCE_MS;
    while (!tryLock(fd, goal, 'one at a time')) {
      if (monotonicMs() > deadline)
        throw new TsrunError('conflict', `${goal}: ${directory}: another command does not let go of it`, {
          code: 'EBUSY',
        });
      sleepSync(1);
    }
    return work();
  } finally {
    closeSync(fd);
  }
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
