import { freeze, thaw } from '../cgroup/freeze.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK } from '../kernel/constants.ts';
import { waitForContainer } from '../store/lock.ts';
import { cgroupPath } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { findContainer } from './find.ts';
import { containerStatus, isRestarting, type StatusName } from './status.ts';

const refuse = (message: string, hint?: string) => new TsrunError('conflict', message, { exitCode: 1, hint });

/** Stops all its processes where they are. @throws TsrunError 'conflict' when it does not run, or is paused already */
export async function pauseContainer(engine: Engine, reference: string): Promise<void> {
  await whileNobodyChanges(engine, reference, 'pause', async (id, status, goal) => {
    if (status === 'paused') throw refuse(`Container ${reference} is already paused`);
    if (status === 'restarting') throw isRestarting(reference);
    if (status !== 'running') throw refuse(`Container ${reference} is not running`);
    await freeze(engine.cgroups, cgroupPath(id), goal);
  });
}

/** @throws TsrunError 'conflict' when it is not paused */
export async function unpauseContainer(engine: Engine, reference: string): Promise<void> {
  await whileNobodyChanges(engine, reference, 'unpause', async (id, status, goal) => {
    if (status !== 'paused') throw refuse(`Container ${reference} is not paused`);
    thaw(engine.cgroups, cgroupPath(id), goal);
  });
}

async function whileNobodyChanges(
  engine: Engine,
  reference: string,
  verb: 'pause' | 'unpause',
  work: (id: string, status: StatusName, goal: string) => Promise<void>,
): Promise<void> {
  const goal = `${verb} ${reference}`;
  refuseForeignDirectories(engine, goal);
  const record = findContainer(engine, reference);
  const unlock = await waitForContainer(engine.paths, record.id, goal, LOCK.LOCK_EX);
  try {
    await work(record.id, containerStatus(engine, record).status, goal);
    recordEvent(engine, record, verb);
  } finally {
    unlock();
  }
}
