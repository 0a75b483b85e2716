import { closeSync, readFileSync } from 'node:fs';
import { thaw } from '../cgroup/freeze.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { type RunWatch, watchRun } from '../store/lock.ts';
import type { ContainerRecord } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { findContainer } from './find.ts';
import type { FirstProcess } from './first-process.ts';
import { killAll } from './kill.ts';
import { signalName } from './options/parse-signal.ts';
import { unpackOptions } from './saved-options.ts';
import {
  endsWithin,
  isStartedAllTheSame,
  noteFile,
  noteStop,
  openStarted,
  SIGKILL,
  sendSignal,
  staysStopped,
  stopSignalOf,
} from './signal.ts';
import { containerStatus } from './status.ts';

/** The number of rt_sigtimedwait(2), which sigwait(3) is, too; the signals that it waits for are not blocked meanwhile. */
const SIGTIMEDWAIT: Partial<Record<NodeJS.Architecture, number>> = { x64: 128, arm64: 137 };
/** Of a process that has the signal blocked at the moment. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 2;
/** The longest that a thread waits for one: there are four of them, for as many containers as are stopped at once. */
const AT_A_TIME_MS = 250;

/** Docker's. */
export const DEFAULT_SECONDS = 10;

export interface StopOptions {
  /** Until SIGKILL; negative: never. Unless said, the container's own, or ten. */
  seconds?: number | undefined;
  /** Instead of the container's own stop signal. */
  signal?: number | undefined;
  /** Told when the signal would do nothing. */
  warn?: (text: string) => void;
  /** It stays in spite of --rm: somebody is going to start it again. */
  keep?: boolean;
  /** What the user wants; `stop` unless said. */
  goal?: string;
}

/**
 * `tsrun stop`: the stop signal, then SIGKILL to all that is left; returns when the container has been cleaned up after. One that does
 * not run is stopped already.
 */
export async function stopContainer(engine: Engine, reference: string, options: StopOptions): Promise<void> {
  const { goal = `stop ${reference}` } = options;
  refuseForeignDirectories(engine, goal);
  const record = findContainer(engine, reference);
  let asked = false;
  let run: RunWatch | undefined;
  let first: FirstProcess | undefined;
  const begin = async (found: FirstProcess): Promise<void> => {
    const signal = options.signal ?? stopSignalOf(record);
    noteStop(engine, record, goal);
    if (options.keep && record.remove) noteFile(engine.paths.kept(record.id), goal);
    run = watchRun(engine.paths, record.id, goal);
    asked = signal !== SIGKILL && (await ask(engine, found, signal, record, goal, options.warn));
  };
  try {
    first = await openStarted(engine, record, goal, begin);
    if (first === undefined) return await stopRestarting(engine, record, reference, options);
    if (
      !asked ||
      !(await endsInTime(first, options.seconds ?? unpackOptions(record.options).stopTimeout ?? DEFAULT_SECONDS))
    ) {
      recordEvent(engine, record, 'kill', { signal: String(SIGKILL) });
      await killAll(engine, record.id, goal);
    }
    const { pid } = first;
    await run?.over(() => ![0, pid].includes(containerStatus(engine, record).pid));
  } finally {
    if (first) closeSync(first.pidfd);
    run?.close();
  }
  if (isStartedAllTheSame(engine, record)) return await stopContainer(engine, reference, options);
  recordEvent(engine, record, 'stop');
}

/**
 * One that does not run now, but may in a moment. Between the end of PID 1 and its record, and between the birth of another and its, it looks as if it had ended.
 */
async function stopRestarting(
  engine: Engine,
  record: ContainerRecord,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const { goal = `stop ${reference}` } = options;
  if (unpackOptions(record.options).restart.name === 'no') return;
  if (!(await staysStopped(engine, record, goal))) await stopContainer(engine, reference, options);
}

/** @returns false when nobody would hear it: PID 1 is spared every signal that it does not wait for (pid_namespaces(7)) */
async function ask(
  engine: Engine,
  first: FirstProcess,
  signal: number,
  record: ContainerRecord,
  goal: string,
  warn: StopOptions['warn'],
): Promise<boolean> {
  if (!(await heeds(first.pid, signal))) {
    warn?.(
      `${goal}: its first process does nothing about ${signalName(signal)}: it is killed at once (run --init passes signals on)`,
    );
    return false;
  }
  recordEvent(engine, record, 'kill', { signal: String(signal) });
  sendSignal(first, signal, goal);
  thaw(engine.cgroups, cgroupPath(record.id), goal);
  return true;
}

/**
 * Has it a handler for the signal, is it blocked for a signalfd(2), or is it waited for just now, as an init mostly does? A shell
 * blocks all signals whenever it forks: what is only blocked is looked at again.
 */
async function heeds(pid: number, signal: number): Promise<boolean> {
  for (let look = 1; ; look++) {
    const heeded = howHeeded(pid, signal);
    if (heeded !== 'blocked' || look === LOOKS) return heeded !== 'no';
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

function howHeeded(pid: number, signal: number): 'yes' | 'blocked' | 'no' {
  try {
    if (readFileSync(`/proc/${pid}/syscall`, 'latin1').startsWith(`${SIGTIMEDWAIT[process.arch]} `)) return 'yes';
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const isIn = (name: string) => {
      const set = BigInt(`0x${status.match(new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm'))?.[1] ?? '0'}`);
      return ((set >> BigInt(signal - 1)) & 1n) === 1n;
    };
    if (isIn('SigCgt')) return 'yes';
    return isIn('SigBlk') && !isIn('SigIgn') ? 'blocked' : 'no';
  } catch {
    return 'yes'; // it has just ended
  }
}

async function endsInTime(first: FirstProcess, seconds: number): Promise<boolean> {
  const deadline = seconds < 0 ? Number.POSITIVE_INFINITY : monotonicMs() + seconds * 1000;
  for (;;) {
    const left = Math.max(0, deadline - monotonicMs());
    if (await endsWithin(first, Math.min(left, AT_A_TIME_MS))) return true;
    if (monotonicMs() >= deadline) return false;
  }
}
