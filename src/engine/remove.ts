import { isFrozen } from '../cgroup/freeze.ts';
import { noSuchContainer } from '../errors/no-such-container.ts';
import { rethrowShortage } from '../errors/shortage.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT, LOCK } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { type RunLock, stillCleanedUp, waitForContainer, waitForRunLock } from '../store/lock.ts';
import { namesOf, spoiltNameSteps } from '../store/names.ts';
import { type ContainerRecord, type RunState, readRecord, readRunState } from '../store/record.ts';
import { removeSteps } from './cleanup.ts';
import { cgroupPath } from './create.ts';
import { removeDamagedSteps } from './damaged.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { eventStep, recordEvent } from './events/record-event.ts';
import { findId } from './find.ts';
import { isRunning, killAll, killProcess, sayWhoIsLeft } from './kill.ts';
import { noteStop } from './signal.ts';
import { containerStatus, isUp } from './status.ts';
import { findOrTakeUp } from './take-up.ts';

const SOON_MS = 1_000;

function playRemoval(goal: string, id: string, steps: readonly Step[]): void {
  try {
    play(goal, steps);
  } catch (error) {
    throw sayWhoIsLeft(error, id);
  }
}

/**
 * Takes away all of a container that nobody runs.
 * @param known others were told that it had been created
 * @throws TsrunError that names what cannot be removed; the record then stays
 */
export function removeWhole(engine: Engine, record: ContainerRecord, known = true): void {
  const destroyed = known ? [...spoiltNameSteps(engine.paths, record.name), eventStep(engine, record, 'destroy')] : [];
  const steps = [...otherNamesSteps(engine, record), ...removeSteps(engine, record), ...destroyed];
  playRemoval(`rm ${record.name}`, record.id, steps);
}

/** Of a rename that was killed, or failed, half-way. */
function otherNamesSteps({ paths }: Engine, { id, name }: ContainerRecord): Step[] {
  const others = namesOf(paths, id).filter((one) => one !== name);
  return others.map((one) =>
    step('unlink_link', { dirfd: AT.AT_FDCWD, pathname: paths.name(one), target: id }, 'free another name'),
  );
}

/** Undoes a container that was not finished. Never fails: what it cannot remove is there to be seen, and to be removed. */
export function removeRecorded(engine: Engine, record: ContainerRecord, known = true): void {
  try {
    removeWhole(engine, record, known);
  } catch {
    // the error that brought us here is the one to tell
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

/**
 * Whoever is killed while starting a container leaves its lock to the process that was to be the container's first, until that executes
 * its command; which may be never, when it hangs. So with `force` the container's processes are killed then, and the lock goes with them.
 */
async function lockForRemoval(engine: Engine, id: string, goal: string, force: boolean): Promise<() => void> {
  const wait = (stop?: AbortSignal) => waitForContainer(engine.paths, id, goal, LOCK.LOCK_EX, { stop, remove: true });
  if (!force) return await wait();
  const soon = AbortSignal.timeout(SOON_MS);
  try {
    return await wait(soon);
  } catch (error) {
    if (!soon.aborted) throw error;
  }
  await killAll(engine, id, goal);
  return await wait();
}

/** Or its monitor would start it again. Where that cannot be noted, as on a full disk, there must be no monitor. */
function keepStopped(engine: Engine, record: ContainerRecord, run: RunState | undefined, goal: string): void {
  try {
    noteStop(engine, record, goal);
  } catch {
    if (run?.monitor)
      killProcess(run.monitor.pid, run.monitor.startTime, run.bootId, 'it would start the container again');
  }
}

/** undefined when there is none, or none that can be read and `force` is given. @throws TsrunError 'config' */
function readOrForce(engine: Engine, id: string, force: boolean): ContainerRecord | undefined {
  try {
    return readRecord(engine.paths, id);
  } catch (error) {
    rethrowShortage(error, engine.paths.container(id));
    if (!force) throw error;
    return undefined;
  }
}

/**
 * `tsrun rm [-f]`. @returns the id
 * @throws TsrunError 'conflict' when it runs and `force` is not given, or when somebody else's process is in its cgroup
 * @throws SyscallError of what cannot be removed; then the container stays, and `rm` can be said again
 */
export async function removeContainer(engine: Engine, reference: string, { force = false } = {}): Promise<string> {
  const goal = `rm ${reference}`;
  refuseForeignDirectories(engine, goal);
  const id = force ? findOrTakeUp(engine, reference, goal) : findId(engine, reference);
  const unlock = await lockForRemoval(engine, id, goal, force);
  try {
    const record = readOrForce(engine, id, force);
    const run = readRunState(engine.paths, id);
    const running = record ? isUp(containerStatus(engine, record)) : isRunning(engine, id);
    if (running && !force) throw runs(record?.name ?? id, isFrozen(engine.cgroups, cgroupPath(id)));
    if (!record && !force) throw noRecord(reference);
    if (record && force) keepStopped(engine, record, run, goal);
    if (running) {
      if (record) recordEvent(engine, record, 'kill', { signal: '9' });
      await killAll(engine, id, goal);
    }
    const lock = await waitForMonitor(engine, id, run, goal, force);
    try {
      if (record) removeWhole(engine, record);
      else playRemoval(goal, id, [...removeDamagedSteps(engine, id), eventStep(engine, { id }, 'destroy')]);
    } finally {
      lock.close();
    }
  } finally {
    unlock();
  }
  return id;
}

/** Another command is removing it just now, or was killed when it had removed the record. */
function noRecord(reference: string): TsrunError {
  return noSuchContainer(reference, 'it is being removed, or was half removed: tsrun rm -f removes what is left');
}

function runs(name: string, paused: boolean): TsrunError {
  const why = paused
    ? 'container is paused and must be unpaused first'
    : 'container is running: stop the container before removing or force remove';
  return new TsrunError('conflict', `cannot remove container "/${name}": ${why}`, {
    exitCode: 1,
    hint: paused ? `tsrun unpause ${name}, or tsrun rm -f ${name}` : `tsrun stop ${name}, or tsrun rm -f ${name}`,
  });
}
