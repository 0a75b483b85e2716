import { readdirSync, rmSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import { AT, O } from '../kernel/constants.ts';
import { bootId, isAlive } from '../kernel/procfs.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { readTextIfThere } from './files.ts';
import type { Paths } from './paths.ts';

const VERSION = 1;
const FILE = /^([0-9a-f]{64})\.json$/;
/** Of those of a container that have ended, the oldest go when there are more. */
const MOST_ENDED = 100;
const KEPT = 75;
/** Characters of a command: an argument may have 128 KiB, and what is below /run is memory. */
const MOST_WORDS = 16_384;

/** What is known of a process that exec adds to a running container, when it is about to start. */
export interface ExecIntent {
  id: string;
  container: string;
  /** ns since the epoch. */
  createdNs: string;
  command: readonly string[];
  /** As given to exec or to the container; empty: root. */
  user: string;
  workdir: string;
  tty: boolean;
  privileged: boolean;
  detach: boolean;
  interactive: boolean;
  /** How many variables it has: what they hold is nobody's business. */
  envCount: number;
}

/** The same, as it is found later. */
export interface ExecEntry extends ExecIntent {
  version: typeof VERSION;
  bootId: string;
  /** Who starts it, a pid. */
  starter: number;
  /** Once it has been executed: in the host's PID namespace, and when it was born (native/run_record.c). */
  pid?: number;
  startTime?: string;
  monitor?: { pid: number; startTime: string };
  /** Once it has ended (native/exec_record.c). */
  exitCode?: number;
  finishedNs?: string;
}

export type ExecState = 'starting' | 'running' | 'ended';

const at = { dirfd: AT.AT_FDCWD };
const pathOf = (paths: Paths, container: string, id: string): string => `${paths.execs(container)}/${id}.json`;

/** The beginning of the entry's JSON, which its monitor ends. */
function headOf(intent: ExecIntent): string {
  const whole = { version: VERSION, bootId: bootId(), starter: process.pid, ...intent, command: cut(intent.command) };
  return JSON.stringify(whole).slice(0, -1);
}

function cut(command: readonly string[]): string[] {
  const words: string[] = [];
  let room = MOST_WORDS;
  for (const word of command) {
    if (word.length > room) return [...words, `${word.slice(0, room)}...`];
    words.push(word);
    room -= word.length + 1;
  }
  return words;
}

/** An exec's entry, step by step. None of them fails: with no room left below /run, exec is what somebody needs to make some. */
export interface ExecSteps {
  /** Before anything is started. */
  intent: Step[];
  /** By its monitor, as soon as it has been executed; slot: `pid`. */
  started: Step[];
  /** By its monitor, once it has ended. */
  ended: Step[];
  /** It has not been started. */
  forget: Step[];
}

export function execSteps(paths: Paths, intent: ExecIntent): ExecSteps {
  const pathname = pathOf(paths, intent.container, intent.id);
  const temporary = `${pathname}.tmp`;
  const head = headOf(intent);
  const data = `${head}}\n`;
  const file = { ...at, pathname: temporary, flags: O.O_WRONLY | O.O_CREAT | O.O_EXCL, mode: 0o600 };
  const never = { ignoreErrors: true };
  const unlink = (path: string, why: string) => step('unlinkat', { ...at, pathname: path, flags: 0 }, why, never);
  return {
    intent: [
      step('make_dir', { ...at, pathname: paths.execs(intent.container), mode: 0o700 }, 'what exec starts', never),
      step('write_file', { ...file, data, length: Buffer.byteLength(data) }, 'what is about to start', never),
      step(
        'renameat2',
        { olddirfd: AT.AT_FDCWD, oldpath: temporary, newdirfd: AT.AT_FDCWD, newpath: pathname, flags: 0 },
        'whole or not at all',
        never,
      ),
    ],
    started: [step('record_run', { ...at, pathname, temporary, head, pid: slot('pid') }, 'which process it is', never)],
    ended: [step('record_exec_end', { ...at, pathname, temporary }, 'how it ended', never)],
    forget: [unlink(temporary, 'it was never executed'), unlink(pathname, 'nor is it remembered')],
  };
}

/** A monitor that is at its end has to record that still. Nobody was left to do so: ended all the same. */
export function stateOfExec(entry: ExecEntry): ExecState {
  if (entry.exitCode !== undefined) return 'ended';
  const boot = entry.bootId;
  if (entry.pid === undefined) return boot === bootId() && isThere(entry.starter) ? 'starting' : 'ended';
  const alive = [entry, entry.monitor].some((one) => one && isAlive(one.pid ?? 0, one.startTime ?? '', boot));
  return alive ? 'running' : 'ended';
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ids of all entries of a container's run, in no order. */
export function listExecs(paths: Paths, container: string): string[] {
  return listFiles(paths, container).flatMap((name) => FILE.exec(name)?.[1] ?? []);
}

function listFiles(paths: Paths, container: string): string[] {
  const directory = paths.execs(container);
  try {
    return readdirSync(directory);
  } catch (error) {
    rethrowShortage(error, directory);
    return []; // there is none; or they are root's
  }
}

/** undefined when there is none, or it is damaged. */
export function readExec(paths: Paths, container: string, id: string): ExecEntry | undefined {
  const path = pathOf(paths, container, id);
  try {
    const entry = JSON.parse(readTextIfThere(path) ?? 'null') as ExecEntry | null;
    return entry?.version === VERSION && entry.id === id && Array.isArray(entry.command) ? entry : undefined;
  } catch (error) {
    rethrowShortage(error, path);
    return undefined;
  }
}

/** Keeps what there is within bounds. */
export function forgetOldExecs(paths: Paths, container: string): void {
  if (listFiles(paths, container).length <= MOST_ENDED) return;
  const ended = listExecs(paths, container)
    .map((id) => ({ id, entry: readExec(paths, container, id) }))
    .filter(({ entry }) => entry === undefined || stateOfExec(entry) === 'ended')
    .toSorted((a, b) => ((a.entry?.createdNs ?? '') < (b.entry?.createdNs ?? '') ? -1 : 1));
  if (ended.length <= MOST_ENDED) return;
  for (const { id } of ended.slice(0, -KEPT)) rmSync(pathOf(paths, container, id), { force: true });
}
