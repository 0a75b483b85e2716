import { detectCgroups } from '../cgroup/host.ts';
import type { CgroupLayout } from '../cgroup/types.ts';
import { fileError, makeDirectory } from '../store/files.ts';
import { Paths } from '../store/paths.ts';

export const DEFAULT_DATA_ROOT = '/var/lib/tsrun';
export const DEFAULT_RUN_ROOT = '/run/tsrun';
export const ENGINE_VERSION = '0.1.0';

/** What every operation of the engine works on. */
export interface Engine {
  readonly paths: Paths;
  readonly cgroups: CgroupLayout;
}

export interface EngineOptions {
  /** Where layers and containers are kept; absolute. */
  dataRoot?: string | undefined;
  /** Where state that a reboot takes away is kept; absolute. */
  runRoot?: string | undefined;
}

/** Opens nothing and makes nothing: reading needs no privilege. */
export function openEngine({ dataRoot = DEFAULT_DATA_ROOT, runRoot = DEFAULT_RUN_ROOT }: EngineOptions = {}): Engine {
  let cgroups: CgroupLayout | undefined;
  return {
    paths: new Paths(dataRoot, runRoot),
    get cgroups() {
      cgroups ??= detectCgroups();
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
}
