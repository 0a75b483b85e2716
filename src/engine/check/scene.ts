import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { rethrowShortage } from '../../errors/shortage.ts';
import { type ContainerRecord, listIds, readRecord } from '../../store/record.ts';
import type { Engine } from '../engine.ts';
import { type Processes, readProcesses } from './processes.ts';

const CGROUP = /^tsrun-([0-9a-f]{64})$/;
export const ID = /^[0-9a-f]{64}$/;

/** One cgroup of a container in one hierarchy. */
export interface FoundCgroup {
  path: string;
  id: string;
}

/**
 * What there is, read in an order in which what is being made has its record already, and what is being removed has it still. The
 * processes come after the ids: who makes one of them is seen with its lock.
 */
export interface Scene {
  engine: Engine;
  cgroups: readonly FoundCgroup[];
  layers: readonly string[];
  links: readonly string[];
  names: readonly string[];
  runs: readonly string[];
  processes: Processes;
  /** All directories below containers/ that are named as an id is. */
  ids: ReadonlySet<string>;
  /** Those whose record is whole. */
  records: ReadonlyMap<string, ContainerRecord>;
  /** Paths that could not be read, and why. */
  unread: Set<string>;
}

/** @throws TsrunError EACCES when the containers cannot even be listed */
export function readScene(engine: Engine): Scene {
  const { paths } = engine;
  const unread = new Set<string>();
  const list = (path: string): string[] => listOrSay(path, unread);
  const cgroups = engine.cgroups.hierarchies.flatMap(({ mountPoint }) =>
    list(mountPoint).flatMap((name) => {
      const id = CGROUP.exec(name)?.[1];
      return id === undefined ? [] : [{ path: `${mountPoint}/${name}`, id }];
    }),
  );
  const layers = list(paths.overlay).filter((name) => name !== 'l');
  const [links, names, runs] = [list(paths.links), list(paths.names), list(paths.runRoot)];
  const ids = new Set(listIds(paths));
  const processes = readProcesses([paths.dataRoot, paths.runRoot].map(realPath));
  for (const path of processes.unread) unread.add(path);
  const records = new Map<string, ContainerRecord>();
  for (const id of ids) {
    const record = readOrSay(engine, id, unread);
    if (record !== undefined) records.set(id, record);
  }
  return { engine, cgroups, layers, links, names, runs, processes, ids, records, unread };
}

export function listOrSay(path: string, unread: Set<string>): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    rethrowShortage(error, path);
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') unread.add(`${path}: ${code}`);
    return [];
  }
}

function readOrSay({ paths }: Engine, id: string, unread: Set<string>): ContainerRecord | undefined {
  try {
    return readRecord(paths, id);
  } catch (error) {
    rethrowShortage(error, paths.container(id));
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') unread.add(`${paths.container(id)}: EACCES`);
    return undefined;
  }
}

/** As the kernel names it: what /proc says of open files has no links in it. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function lstat(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // that it cannot be read has been said of the directory
  }
}

export const isThere = (path: string): boolean => lstat(path) !== undefined;

export function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** When it was last changed, RFC 3339. */
export function changedAt(path: string): string | undefined {
  const found = lstat(path);
  return found && new Date(Math.floor(found.mtimeMs)).toISOString();
}
