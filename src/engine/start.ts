import { existsSync, rmSync } from 'node:fs';
import { thaw } from '../cgroup/freeze.ts';
import { removeEmptyCgroupSteps } from '../cgroup/steps.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import { reserveDescriptors } from '../runtime/descriptors.ts';
import { readBundle } from '../runtime/read-bundle.ts';
import { stillCleanedUp, waitForContainer, waitForRunLock } from '../store/lock.ts';
import { type ContainerRecord, rememberRun } from '../store/record.ts';
import { cgroupPath, settle } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { findContainer } from './find.ts';
import { checkRootfs } from './rootfs.ts';
import { type Attachment, type Started, startBundle } from './start-bundle.ts';
import { containerStatus, isUp } from './status.ts';

/** `tsrun start`: runs a container that has ended again, on the same upper directory. Waits for other commands, and until the last run is cleaned up after. */
export async function startContainer(
  engine: Engine,
  { id, name }: ContainerRecord,
  attachment: Attachment,
): Promise<Started> {
  const goal = `start ${name}`;
  refuseForeignDirectories(engine, goal);
  const spare = reserveDescriptors(goal);
  let unlock = () => {};
  try {
    unlock = await waitForContainer(engine.paths, id, goal, LOCK.LOCK_EX);
    const record = findContainer(engine, id); // as it is now: who had the lock may have renamed or removed it
    if (isUp(containerStatus(engine, record)))
      throw new TsrunError('conflict', `${goal}: the container is running already`);
    if (!existsSync(engine.paths.layer(record.layer))) throw wasBeingRemoved(goal, record);
    checkRootfs(goal, record.rootfs);
    const bundle = readBundle(goal, engine.paths.container(record.id));
    if (bundle.overlay?.volatile) forgetVolatile(engine, record);
    const lock = await waitForRunLock(engine.paths, record.id, goal, true);
    if (lock === undefined) throw stillCleanedUp(goal);
    const restore = rememberRun(engine.paths, record.id);
    try {
      clearCgroup(engine, record.id, goal);
      return startBundle(engine, record, bundle, attachment, { goal, lock, spare });
    } catch (error) {
      settle(restore);
      throw error;
    }
  } finally {
    spare();
    unlock();
  }
}

function wasBeingRemoved(goal: string, { name }: ContainerRecord): TsrunError {
  return new TsrunError('conflict', `${goal}: the container was being removed: nothing that it wrote is left`, {
    hint: `tsrun rm ${name} removes the rest`,
  });
}

/** One that a killed run left frozen would hold PID 1 up for ever. */
function clearCgroup({ cgroups }: Engine, id: string, goal: string): void {
  play(goal, removeEmptyCgroupSteps(cgroups, cgroupPath(id)));
  thaw(cgroups, cgroupPath(id), goal);
}

/** overlayfs refuses what may not have reached the disk before a crash. Here it is not to outlive the container anyway. */
export function forgetVolatile({ paths }: Engine, { layer }: ContainerRecord): void {
  rmSync(`${paths.layer(layer)}/work/work/incompat`, { recursive: true, force: true });
}
