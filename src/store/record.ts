import { readdirSync, rmSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AT, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { civilDate, pad } from './civil-date.ts';
import { fileError, readTextIfThere, writeWhole } from './files.ts';
import { isLayer, isLink } from './layers.ts';
import type { Paths } from './paths.ts';

const VERSION = 1;
const ID = /^[0-9a-f]{64}$/;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** What is known of a container for as long as it exists. Written before anything is made for it: the intent. */
export interface ContainerRecord {
  version: typeof VERSION;
  id: string;
  name: string;
  /** RFC 3339, ns. */
  created: string;
  /** The given directory, absolute. */
  rootfs: string;
  /** Directory of its read-write layer below overlay2/; `<layer>-init` is its init layer. */
  layer: string;
  /** Names below overlay2/l of the rootfs, the init layer and the read-write layer. */
  links: { rootfs: string; init: string; layer: string };
  /** --rm */
  remove: boolean;
  /** Made by `create`: that nobody has started it does not mean that somebody was killed. */
  waits?: true;
  /** As given to `run`; engine/ reads it back. */
  options: unknown;
  path: string;
  args: string[];
}

/** Written by the monitor-to-be as soon as PID 1 executes its command (native/run_record.c); gone with a reboot. */
export interface RunState {
  version: typeof VERSION;
  bootId: string;
  pid: number;
  /** Clock ticks since boot at which that pid was born: with the boot id it names one process for ever. */
  startTime: string;
  /** The monitor, named in the same way. */
  monitor?: { pid: number; startTime: string };
}

/** What the monitor wrote (native/exit_record.c). */
export interface ExitRecord {
  exitCode: number;
  signal: number;
  /** ns since the epoch. */
  finishedNs: bigint;
  oomKills: number;
}

const recordPath = (paths: Paths, id: string): string => `${paths.container(id)}/container.json`;

/** It is on the disk once synchroniseSteps have been played. */
export function writeRecord(paths: Paths, record: ContainerRecord): void {
  writeWhole(recordPath(paths, record.id), `${JSON.stringify(record)}\n`);
}

/** Before anything that is to be found by the record after a power cut. File systems with a journal keep names in their order. */
export function synchroniseSteps(paths: Paths, { id }: ContainerRecord): Step[] {
  const file = { dirfd: AT.AT_FDCWD, pathname: recordPath(paths, id), flags: O.O_CLOEXEC, mode: 0 };
  return [
    step('openat', file, 'what there will be of it', { save: 'record' }),
    step('fsync', { fd: slot('record') }, 'is on the disk before the first of it is made'),
    step('close', { fd: slot('record') }, 'for whoever finds the rest'),
  ];
}

function parseJson(text: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && (value as { version?: unknown }).version === VERSION)
      return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw damaged(where);
}

function damaged(path: string): TsrunError {
  return new TsrunError('config', `${path}: the file is damaged`, {
    hint: 'the container can still be removed: tsrun rm -f ID',
  });
}

/** undefined when there is no such container. @throws TsrunError 'config' when its record is damaged */
export function readRecord(paths: Paths, id: string): ContainerRecord | undefined {
  const path = `${paths.container(id)}/container.json`;
  const text = readUnlessSpoilt(path);
  if (text === undefined) return undefined;
  const value = parseJson(text, path) as unknown as ContainerRecord;
  if (!isWhole(value, id)) throw damaged(path);
  return value;
}

/** What is no file, or cannot be read from the disk any more, is one damaged container among others. */
function readUnlessSpoilt(path: string): string | undefined {
  try {
    return readTextIfThere(path);
  } catch (error) {
    if (isSpoilt(error)) throw damaged(path);
    throw error;
  }
}

function isSpoilt(error: unknown): boolean {
  return ['EISDIR', 'ELOOP', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** What becomes part of a path is looked at: `rm` must not be led astray. */
function isWhole(record: ContainerRecord, wanted: string): boolean {
  const { id, name, created, layer, rootfs, links, options, path, args } = record;
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
  return (
    id === wanted &&
    typeof name === 'string' &&
    NAME.test(name) &&
    typeof created === 'string' &&
    !Number.isNaN(Date.parse(created)) &&
    isLayer(layer) &&
    typeof rootfs === 'string' &&
    isObject(links) &&
    [links.rootfs, links.init, links.layer].every(isLink) &&
    isObject(options) &&
    typeof path === 'string' &&
    Array.isArray(args) &&
    args.every((word) => typeof word === 'string')
  );
}

/** Ids of all containers, damaged ones included. */
export function listIds(paths: Paths): string[] {
  try {
    return readdirSync(paths.containers).filter((name) => ID.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError('list containers', error);
  }
}

/** Below the run directory. A torn file of a crash, or we are not root: the cgroup and the exit record tell the rest. */
function readOfRun<T>(path: string, parsed: (text: string) => T): T | undefined {
  try {
    const text = readTextIfThere(path);
    return text === undefined ? undefined : parsed(text);
  } catch (error) {
    rethrowShortage(error, path);
    return undefined;
  }
}

export function readRunState(paths: Paths, id: string): RunState | undefined {
  const path = `${paths.run(id)}/state.json`;
  return readOfRun(path, (text) => parseJson(text, path) as unknown as RunState);
}

/** `otherwise` for what is no file, or cannot be read from the disk any more: `ps` and `rm` go on without. */
function readUnless<T>(path: string, otherwise: T): string | T | undefined {
  try {
    return readTextIfThere(path);
  } catch (error) {
    if (isSpoilt(error)) return otherwise;
    throw error;
  }
}

/** When it was last started; undefined when it never was. */
export function readStarted(paths: Paths, id: string): string | undefined {
  return readStart(paths, id)?.time;
}

/** The same, and in which boot: clocks jump, and the state that names it is gone with the next one. Empty when it was not recorded. */
export function readStart(paths: Paths, id: string): { time: string; bootId: string } | undefined {
  const text = readUnless(`${paths.container(id)}/started`, '');
  if (text === undefined) return undefined;
  const [time = '', bootId = ''] = text.trimEnd().split(' ');
  return { time, bootId };
}

/** How often its monitor has started it again since somebody did. */
export const readRestarts = (paths: Paths, id: string): number => Number(readUnless(paths.restarts(id), '')) || 0;

export function readExit(paths: Paths, id: string): ExitRecord | undefined {
  const found = parseExit(readUnless(paths.exit(id), undefined));
  return found ?? readOfRun(paths.lateExit(id), parseExit);
}

/** Of a run that goes on: how the one before ended. undefined when there was none, or its end is not known. */
export const readLastExit = (paths: Paths, id: string): ExitRecord | undefined =>
  parseExit(readUnless(paths.lastExit(id), undefined));

function parseExit(text: string | undefined): ExitRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const { exitCode, signal, finishedNs, oomKills } = parseJson(text, 'exit.json') as Record<string, number | string>;
    return {
      exitCode: Number(exitCode),
      signal: Number(signal),
      finishedNs: BigInt(finishedNs ?? 0),
      oomKills: Number(oomKills),
    };
  } catch {
    return undefined;
  }
}

/**
 * When and how the last run was and ended, and whether somebody stopped it.
 * @returns what puts that back when another run does not come about; not over what a monitor has written since: then there was one
 */
export function rememberRun(paths: Paths, id: string): () => void {
  const own = ['started', 'exit.json', 'exit-before.json', 'stopped'];
  const all = [...own.map((name) => `${paths.container(id)}/${name}`), paths.lateExit(id)];
  const files = all.map((path) => ({ path, text: readUnless(path, undefined) }));
  return () => {
    if (readExit(paths, id) !== undefined) return;
    for (const { path, text } of files) {
      if (text !== undefined) writeWhole(path, text);
      else rmSync(path, { force: true });
    }
  };
}

/**
 * RFC 3339 with nanoseconds, UTC, as Docker prints times.
 * (The first Date#toISOString of a process costs 2 ms, a tenth of a start.)
 */
export function timestamp(ns: bigint): string {
  const seconds = Number(ns / 1_000_000_000n);
  const time = seconds % 86_400;
  const clock = [Math.floor(time / 3600), Math.floor((time % 3600) / 60), time % 60]
    .map((part) => pad(part, 2))
    .join(':');
  let fraction = pad(Number(ns % 1_000_000_000n), 9);
  while (fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  return `${civilDate(Math.floor(seconds / 86_400))}T${clock}${fraction === '' ? '' : `.${fraction}`}Z`;
}

const EPOCH_OFFSET = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
export const nowNs = (): bigint => process.hrtime.bigint() + EPOCH_OFFSET;
