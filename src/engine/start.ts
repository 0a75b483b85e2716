import { rmSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK } from '../kernel/constants.ts';
import { reserveDescriptors } from '../runtime/descriptors.ts';
import { readBundle } from '../runtime/read-bundle.ts';
import { stillCleanedUp, waitForContainer, waitForRunLock } from '../store/lock.ts';
import { type ContainerRecord, rememberRun } from '../store/record.ts';
import { settle } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { checkRootfs } from './rootfs.ts';
import { type Attachment, type Started, startBundle } from './start-bundle.ts';
import { containerStatus, isUp } from './status.ts';

/** `tsrun start`: runs a container that has ended again, on the same upper directory. Waits for other commands, and until the last run is cleaned up after. */
export async function startContainer(
  engine: Engine,
  record: ContainerRecord,
  attachment: Attachment,
): Promise<Started> {
  const goal = `start ${record.name}`;
  refuseForeignDirectories(engine, goal);
  const spare = reserveDescriptors(goal);
  let unlock = () => {};
  try {
    unlock = await waitForContainer(engine.paths, record.id, goal, LOCK.LOCK_EX);
    if (isUp(containerStatus(engine, record)))
      throw new TsrunError('conflict', `${goal}: the container is running already`);
    checkRootfs(goal, record.rootfs);
    const bundle = readBundle(goal, engine.paths.container(record.id));
    if (bundle.overlay?.volatile) forgetVolatile(engine, record);
    const lock = await waitForRunLock(engine.paths, record.id, goal, true);
    if (lock === undefined) throw stillCleanedUp(goal);
    const restore = rememberRun(engine.paths, record.id);
    try {
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

/** overlayfs refuses what may not have reached the disk before a crash. Here it is not to outlive the container anyway. */
export function forgetVolatile({ paths }: Engine, { layer }: ContainerRecord): void {
  rmSync(`${paths.layer(layer)}/work/work/incompat`, { recursive: true, force: true });
}
