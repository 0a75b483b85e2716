import { TsrunError } from '../../errors/tsrun-error.ts';
import { LOCK } from '../../kernel/constants.ts';
import { lockContainer, tryLockRun } from '../../store/lock.ts';
import type { Engine } from '../engine.ts';

/**
 * Does the work while no command changes the container, and, with `run`, while nobody runs it or cleans up after it.
 * @throws TsrunError 'conflict' when somebody does
 */
export function whileFree(engine: Engine, id: string, run: 'run' | 'command', work: () => void): void {
  const goal = `fix container ${id.slice(0, 12)}`;
  const unlock = lockContainer(engine.paths, id, goal, LOCK.LOCK_EX, { remove: true });
  try {
    const lock = run === 'run' ? tryLockRun(engine.paths, id, goal, false) : undefined;
    if (run === 'run' && lock === undefined) throw new TsrunError('conflict', `${goal}: it is run or cleaned up after`);
    try {
      work();
    } finally {
      lock?.close();
    }
  } finally {
    unlock();
  }
}

/** @throws TsrunError 'conflict': what was found is not so any more */
export function insist(holds: boolean, what: string): void {
  if (!holds) throw new TsrunError('conflict', `it is not so any more: ${what}`);
}
