import { cgroupProcesses } from '../cgroup/host.ts';
import { killCgroupSteps, removeCgroupSteps } from '../cgroup/steps.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT } from '../kernel/constants.ts';
import { isAlive } from '../kernel/procfs.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { lockContainer } from '../store/lock.ts';
import { type ContainerRecord, readRecord, readRunState } from '../store/record.ts';
import { endRunSteps, removeContainerSteps } from './cleanup.ts';
import { cgroupPath } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { findId } from './find.ts';
import { containerStatus } from './status.ts';

const SIGKILL = 9;
const KILL_PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 5;

/** Undoes a container that was not finished, or removes one that has ended. Never fails: what it cannot remove is there to be seen. */
export function removeRecorded(engine: Engine, record: ContainerRecord): void {
  play(`rm ${record.name}`, [...endRunSteps(engine, record), ...removeContainerSteps(engine, record)]);
}

/** Kills by pidfd, after comparing the start time: a pid alone may be anybody's. */
function killFirstProcess(engine: Engine, id: string): void {
  const run = readRunState(engine.paths, id);
  if (run === undefined) return;
  try {
    const pidfd = play('kill', [
      step('pidfd_open', { pid: run.pid, flags: 0 }, 'the process, for ever', { save: 'pidfd' }),
    ]).value('pidfd');
    const steps = [step('close', { fd: slot('pidfd') }, 'done with it')];
    if (isAlive(run.pid, run.startTime, run.bootId))
      steps.unshift(
        step(
          'pidfd_send_signal',
          { pidfd: slot('pidfd'), sig: SIGKILL, info: null, flags: 0 },
          'PID 1 takes all others with it',
          { ignoreErrors: true },
        ),
      );
    play('kill', steps, { pidfd });
  } catch {
    // it has ended
  }
}

/** Everything that runs in the container, and waits until nothing does. */
export async function killAll(engine: Engine, id: string, goal: string): Promise<void> {
  const deadline = performance.now() + KILL_PATIENCE_MS;
  killFirstProcess(engine, id);
  play(goal, killCgroupSteps(engine.cgroups, cgroupPath(id)));
  while (isRunning(engine, id)) {
    if (performance.now() > deadline)
      throw new TsrunError('system', `${goal}: some of its processes do not end`, {
        hint: `see ${cgroupProcesses(engine.cgroups, cgroupPath(id)).join(' ')}`,
      });
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function isRunning(engine: Engine, id: string): boolean {
  const run = readRunState(engine.paths, id);
  return (
    (run !== undefined && isAlive(run.pid, run.startTime, run.bootId)) ||
    cgroupProcesses(engine.cgroups, cgroupPath(id)).length > 0
  );
}

/** A container whose record cannot be read still has a directory, a cgroup and a run directory of known names. */
async function removeDamaged(engine: Engine, id: string, force: boolean, error: unknown): Promise<void> {
  if (!force) throw error;
  await killAll(engine, id, `rm ${id.slice(0, 12)}`);
  play(`rm ${id.slice(0, 12)}`, [
    ...removeCgroupSteps(engine.cgroups, cgroupPath(id)),
    ...[engine.paths.run(id), engine.paths.container(id)].map((name) =>
      step('remove_tree', { dirfd: AT.AT_FDCWD, name }, 'remove what is left'),
    ),
  ]);
}

/**
 * `tsrun rm [-f]`. @returns the id
 * @throws TsrunError 'conflict' when it runs and `force` is not given
 */
export async function removeContainer(engine: Engine, reference: string, { force = false } = {}): Promise<string> {
  const goal = `rm ${reference}`;
  refuseForeignDirectories(engine, goal);
  const id = findId(engine, reference);
  let record: ContainerRecord | undefined;
  try {
    record = readRecord(engine.paths, id);
  } catch (error) {
    await removeDamaged(engine, id, force, error);
    return id;
  }
  if (record === undefined) {
    await removeDamaged(engine, id, true, undefined);
    return id;
  }
  const unlock = lockContainer(engine.paths, id, goal);
  try {
    if (containerStatus(engine, record).status === 'running') {
      if (!force)
        throw new TsrunError(
          'conflict',
          `cannot remove container "/${record.name}": container is running: stop the container before removing or force remove`,
          { exitCode: 1, hint: 'tsrun rm -f' },
        );
      await killAll(engine, id, goal);
    }
    removeRecorded(engine, record);
  } finally {
    unlock();
  }
  return id;
}
