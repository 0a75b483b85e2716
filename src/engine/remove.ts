import { cgroupProcesses } from '../cgroup/host.ts';
import { killCgroupSteps, removeCgroupSteps } from '../cgroup/steps.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT, LOCK } from '../kernel/constants.ts';
import { isAlive } from '../kernel/procfs.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { type RunLock, stillCleanedUp, waitForContainer, waitForRunLock } from '../store/lock.ts';
import { type ContainerRecord, type RunState, readRecord, readRunState } from '../store/record.ts';
import { removeSteps } from './cleanup.ts';
import { cgroupPath } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { findId } from './find.ts';
import { containerStatus } from './status.ts';

const SIGKILL = 9;
const KILL_PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 5;

/** Takes away all of a container that nobody runs. @throws SyscallError that names what cannot be removed; the record then stays */
export function removeWhole(engine: Engine, record: ContainerRecord): void {
  play(`rm ${record.name}`, removeSteps(engine, record));
}

/** Undoes a container that was not finished. Never fails: what it cannot remove is there to be seen, and to be removed. */
export function removeRecorded(engine: Engine, record: ContainerRecord): void {
  try {
    removeWhole(engine, record);
  } catch {
    // the error that brought us here is the one to tell
  }
}

/** Kills by pidfd, after comparing the start time: a pid alone may be anybody's. */
function killProcess(pid: number, startTime: string, boot: string, why: string): void {
  try {
    const pidfd = play('kill', [
      step('pidfd_open', { pid, flags: 0 }, 'the process, for ever', { save: 'pidfd' }),
    ]).value('pidfd');
    const kill = { pidfd: slot('pidfd'), sig: SIGKILL, info: null, flags: 0 };
    const steps = [step('close', { fd: slot('pidfd') }, 'done with it')];
    if (isAlive(pid, startTime, boot)) steps.unshift(step('pidfd_send_signal', kill, why, { ignoreErrors: true }));
    play('kill', steps, { pidfd });
  } catch {
    // it has ended
  }
}

/** Everything that runs in the container, and waits until nothing does. */
export async function killAll(engine: Engine, id: string, goal: string): Promise<void> {
  const deadline = performance.now() + KILL_PATIENCE_MS;
  const run = readRunState(engine.paths, id);
  if (run) killProcess(run.pid, run.startTime, run.bootId, 'PID 1 takes all others with it');
  play(goal, killCgroupSteps(engine.cgroups, cgroupPath(id)));
  while (isRunning(engine, id)) {
    if (performance.now() > deadline)
      throw new TsrunError('system', `${goal}: some of its processes do not end`, {
        hint: `see ${cgroupProcesses(engine.cgroups, cgroupPath(id)).join(' ')}`,
      });
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * Waits for the monitor's clean-up: it works on the same names. One that does not get on with it is killed if `force` is given: what
 * it would have done is done here.
 */
async function waitForMonitor(
  engine: Engine,
  id: string,
  run: RunState | undefined,
  goal: string,
  force: boolean,
): Promise<RunLock> {
  const lock = await waitForRunLock(engine.paths, id, goal, false);
  if (lock) return lock;
  if (!force || !run?.monitor) throw stillCleanedUp(goal);
  killProcess(run.monitor.pid, run.monitor.startTime, run.bootId, 'it is stuck, and others wait for it');
  const freed = await waitForRunLock(engine.paths, id, goal, false);
  if (freed) return freed;
  throw stillCleanedUp(goal);
}

function isRunning(engine: Engine, id: string): boolean {
  const run = readRunState(engine.paths, id);
  return (
    (run !== undefined && isAlive(run.pid, run.startTime, run.bootId)) ||
    cgroupProcesses(engine.cgroups, cgroupPath(id)).length > 0
  );
}

/** A container whose record cannot be read still has a directory, a cgroup and a run directory of known names. */
async function removeDamaged(engine: Engine, id: string, goal: string): Promise<void> {
  const run = readRunState(engine.paths, id);
  await killAll(engine, id, goal);
  const lock = await waitForMonitor(engine, id, run, goal, true);
  try {
    play(goal, [
      ...removeCgroupSteps(engine.cgroups, cgroupPath(id)),
      ...[engine.paths.run(id), engine.paths.container(id)].map((name) =>
        step('remove_tree', { dirfd: AT.AT_FDCWD, name }, 'remove what is left'),
      ),
    ]);
  } finally {
    lock.close();
  }
}

/** undefined when there is none, or none that can be read and `force` is given. @throws TsrunError 'config' */
function readOrForce(engine: Engine, id: string, force: boolean): ContainerRecord | undefined {
  try {
    return readRecord(engine.paths, id);
  } catch (error) {
    if (!force) throw error;
    return undefined;
  }
}

/**
 * `tsrun rm [-f]`. @returns the id
 * @throws TsrunError 'conflict' when it runs and `force` is not given
 * @throws SyscallError of what cannot be removed; then the container stays, and `rm` can be said again
 */
export async function removeContainer(engine: Engine, reference: string, { force = false } = {}): Promise<string> {
  const goal = `rm ${reference}`;
  refuseForeignDirectories(engine, goal);
  const id = findId(engine, reference);
  const record = readOrForce(engine, id, force);
  if (record === undefined) {
    await removeDamaged(engine, id, goal);
    return id;
  }
  const unlock = await waitForContainer(engine.paths, id, goal, LOCK.LOCK_EX);
  try {
    const run = readRunState(engine.paths, id);
    if (containerStatus(engine, record).status === 'running') {
      if (!force) throw runs(record);
      await killAll(engine, id, goal);
    }
    const lock = await waitForMonitor(engine, id, run, goal, force);
    try {
      removeWhole(engine, record);
    } finally {
      lock.close();
    }
  } finally {
    unlock();
  }
  return id;
}

function runs({ name }: ContainerRecord): TsrunError {
  return new TsrunError(
    'conflict',
    `cannot remove container "/${name}": container is running: stop the container before removing or force remove`,
    { exitCode: 1, hint: 'tsrun rm -f' },
  );
}
