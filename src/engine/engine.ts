import { statSync } from 'node:fs';
import type { CgroupLayout } from '../cgroup/types.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
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

/** Opens nothing and makes nothing: reading needs no privilege. */
export function openEngine(options: EngineOptions = {}): Engine {
  const { dataRoot = DEFAULT_DATA_ROOT, runRoot = DEFAULT_RUN_ROOT, machine = THIS_MACHINE } = options;
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
export function prepareDataRoot({ paths }: Engine, goal: string): void {
  try {
    makeDirectory(paths.dataRoot, 0o710);
    makeDirectory(paths.overlay, 0o710);
    makeDirectory(paths.links, 0o700);
    makeDirectory(paths.containers, 0o710);
    makeDirectory(paths.names, 0o700);
    makeDirectory(paths.runRoot, 0o700);
  } catch (error) {
    throw fileError(goal, error);
  }
  refuseForeignDirectory(paths.runRoot, goal);
}

/** Who can write there can have us believe that any process is a container's (CVE-2024-25621's class). */
function refuseForeignDirectory(path: string, goal: string): void {
  const { uid, mode } = statSync(path);
  if (uid === process.geteuid?.() && (mode & 0o022) === 0) return;
  throw new TsrunError('permission', `${goal}: ${path}: others can write to this directory, or own it`, {
    hint: `chown root: ${path} && chmod 700 ${path}, or name another with $TSRUN_RUN`,
  });
}
