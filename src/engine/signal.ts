import { closeSync, existsSync, openSync } from 'node:fs';
import { thaw } from '../cgroup/freeze.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { becomesReady } from '../runtime/poll.ts';
import { fileError } from '../store/files.ts';
import { waitForContainer, watchRun } from '../store/lock.ts';
import type { ContainerRecord } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { findContainer } from './find.ts';
import { type FirstProcess, openFirstProcess } from './first-process.ts';
import { parseSignal } from './options/parse-signal.ts';
import { unpackOptions } from './saved-options.ts';
import { containerStatus, isUp } from './status.ts';

export const SIGKILL = 9;
const PATIENCE_MS = 10_000;

/** To PID 1 and nobody else. That it has ended already is no error. */
export function sendSignal({ pidfd }: FirstProcess, sig: number, goal: string): void {
  const send = { pidfd: slot('pidfd'), sig, info: null, flags: 0 };
  play(goal, [step('pidfd_send_signal', send, 'to PID 1', { expect: { ESRCH: 0 } })], { pidfd });
}

/** Whether PID 1 ends within that time. */
export async function endsWithin({ pidfd }: FirstProcess, ms: number): Promise<boolean> {
  return becomesReady(pidfd, ms, 'the end of PID 1');
}

/** What asks it to end, unless the caller knows better. */
export function stopSignalOf({ options }: ContainerRecord): number {
  return parseSignal(unpackOptions(options).stopSignal ?? 'TERM');
}

/** Before it is signalled: whoever sees it end knows that it is not to be started again. One with --rm never is. */
export function noteStop({ paths }: Engine, { id, remove, options }: ContainerRecord, goal: string): void {
  if (remove) return;
  try {
    noteFile(paths.stopped(id), goal);
  } catch (error) {
    if (unpackOptions(options).restart.name !== 'no') throw error; // it would be for nothing
  }
}

/** A file that says something by being there. A fifo in its place does so, too, and nobody waits for who might read it. */
export function noteFile(path: string, goal: string): void {
  try {
    closeSync(openSync(path, O.O_CREAT | O.O_NOFOLLOW | O.O_NONBLOCK, 0o600));
  } catch (error) {
    throw fileError(goal, error);
  }
}

/**
 * PID 1 once `work` has been done to it, the descriptor the caller's to close. Waits for whoever is starting or removing the container:
 * it neither runs nor has ended meanwhile. undefined when it does not run.
 */
export async function openStarted(
  engine: Engine,
  record: ContainerRecord,
  goal: string,
  work: (first: FirstProcess) => void | Promise<void>,
): Promise<FirstProcess | undefined> {
  const unlock = await waitForContainer(engine.paths, record.id, goal, LOCK.LOCK_SH);
  let first: FirstProcess | undefined;
  try {
    first = openFirstProcess(engine, record, goal);
    if (first) await work(first);
    return first;
  } catch (error) {
    if (first) closeSync(first.pidfd);
    throw error;
  } finally {
    unlock();
  }
}

/**
 * One that does not run now, but will in a moment: its monitor looks at what is noted before it starts it again, and while it waits.
 * @returns false when it was too late for that
 */
export async function staysStopped(engine: Engine, record: ContainerRecord, goal: string): Promise<boolean> {
  const run = watchRun(engine.paths, record.id, goal);
  try {
    noteStop(engine, record, goal);
    await run.over(() => containerStatus(engine, record).pid > 0);
  } finally {
    run.close();
  }
  return !isStartedAllTheSame(engine, record);
}

/** Its monitor was about to start it again when that was noted; the next end is the last. Whoever else starts it takes the note away. */
export function isStartedAllTheSame(engine: Engine, record: ContainerRecord): boolean {
  return existsSync(engine.paths.stopped(record.id)) && isUp(containerStatus(engine, record));
}

/**
 * `tsrun kill [-s]`. After SIGKILL it has ended, paused or not. One that waits to be started again does not do so if it was to end.
 * @throws TsrunError 'conflict' when it does not run
 */
export async function killContainer(engine: Engine, reference: string, signo: number): Promise<void> {
  const goal = `kill ${reference}`;
  refuseForeignDirectories(engine, goal);
  const record = findContainer(engine, reference);
  const final = signo === SIGKILL || signo === stopSignalOf(record);
  const first = await openStarted(engine, record, goal, (found) => {
    if (final) noteStop(engine, record, goal);
    recordEvent(engine, record, 'kill', { signal: String(signo) });
    sendSignal(found, signo, goal);
  });
  if (first === undefined && containerStatus(engine, record).status === 'restarting') {
    const runsAgain = final && (await staysStopped(engine, record, goal)) === false;
    return runsAgain ? killContainer(engine, reference, signo) : undefined;
  }
  if (first === undefined)
    throw new TsrunError('conflict', `cannot kill container: ${reference}: container ${record.id} is not running`, {
      exitCode: 1,
      hint: 'see `tsrun ps -a`',
    });
  try {
    if (signo !== SIGKILL) return;
    thaw(engine.cgroups, cgroupPath(record.id), goal); // cgroup v1 ends nothing that is frozen
    await endsWithin(first, PATIENCE_MS);
  } finally {
    closeSync(first.pidfd);
  }
}
