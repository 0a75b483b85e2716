import { lstatSync, type Stats, statSync } from 'node:fs';
import type { CgroupLayout } from '../cgroup/types.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { requireProcfs } from '../kernel/procfs.ts';
import { fileError, makeDirectory } from '../store/files.ts';
import { Paths } from '../store/paths.ts';
import { type Machine, THIS_MACHINE } from './machine.ts';

export const DEFAULT_DATA_ROOT = '/var/lib/tsrun';
export const DEFAULT_RUN_ROOT = '/run/tsrun';
export const ENGINE_VERSION = '0.1.0';

/** What every operation of the engine works on. */
export interface Engine {
  readonly paths: Paths;
  readonly cgroups: CgroupLayout;
  readonly machine: Machine;
}

export interface EngineOptions {
  /** Where layers and containers are kept; absolute. */
  dataRoot?: string | undefined;
  /** Where state that a reboot takes away is kept; absolute. */
  runRoot?: string | undefined;
  /** Another machine's facts than this one's: plans can be looked at anywhere. */
  machine?: Machine | undefined;
}

/**
 * Opens nothing and makes nothing: reading needs no privilege.
 * @throws TsrunError 'unsupported' where /proc is missing
 */
export function openEngine(options: EngineOptions = {}): Engine {
  const { dataRoot = DEFAULT_DATA_ROOT, runRoot = DEFAULT_RUN_ROOT, machine = THIS_MACHINE } = options;
  if (machine === THIS_MACHINE) requireProcfs();
  let cgroups: CgroupLayout | undefined;
  return {
    paths: new Paths(dataRoot, runRoot),
    machine,
    get cgroups() {
      cgroups ??= machine.cgroups();
      return cgroups;
    },
  };
}

/** The directories of the data root, with Docker's modes: nobody but root may look into a container's files (CVE-2021-41091). */
export function prepareDataRoot(engine: Engine, goal: string): void {
  const { paths } = engine;
  try {
    makeDirectory(paths.dataRoot, 0o710);
    makeDirectory(paths.runRoot, 0o700);
    refuseForeignDirectories(engine, goal);
    makeDirectory(paths.overlay, 0o710);
    makeDirectory(paths.containers, 0o710);
    makeDirectory(paths.names, 0o700);
    makeDirectory(paths.links, 0o700);
  } catch (error) {
    throw fileError(goal, error);
  }
}

/**
 * Who can write there can have us believe that any process is a container's, or any config.json (CVE-2024-25621's class). For all
 * that acts on what it reads there; what is not there yet is not foreign.
 * @throws TsrunError 'permission'
 */
export function refuseForeignDirectories({ paths }: Engine, goal: string): void {
  try {
    refuseForeign(paths.runRoot, lstat(paths.runRoot), goal, '$TSRUN_RUN');
    const root = statDataRoot(paths.dataRoot);
    // Like /tmp, a fresh tmpfs for one: what is ours in there is safe from others, but it must be ours.
    const shared = root !== undefined && (root.mode & 0o1002) === 0o1002;
    if (!shared) return refuseForeign(paths.dataRoot, root, goal, '--data-root');
    for (const path of [paths.overlay, paths.containers, paths.names])
      refuseForeign(path, lstat(path), goal, '--data-root');
  } catch (error) {
    throw fileError(goal, error);
  }
}

const lstat = (path: string) => lstatSync(path, { throwIfNoEntry: false });
const isOurs = ({ uid }: Stats): boolean => uid === process.geteuid?.();

/** It may be a link, when nobody else can have set it. */
function statDataRoot(path: string): Stats | undefined {
  const there = lstat(path);
  return there?.isSymbolicLink() && isOurs(there) ? statSync(path, { throwIfNoEntry: false }) : there;
}

function refuseForeign(path: string, found: Stats | undefined, goal: string, setting: string): void {
  if (found === undefined) return;
  const fail = (what: string, hint: string) =>
    new TsrunError('permission', `${goal}: ${path}: ${what}`, { hint: `${hint}, or name another with ${setting}` });
  if (!found.isDirectory()) throw fail('ENOTDIR not a directory', 'move it away');
  if (!isOurs(found)) throw fail(`belongs to user ${found.uid}`, `chown root: ${path}, after a look at what is in it`);
  if ((found.mode & 0o022) !== 0)
    throw fail('others can write to this directory', `chmod go-w ${path}, after a look at what is in it`);
}
