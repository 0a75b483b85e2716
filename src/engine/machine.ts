import { detectCgroups } from '../cgroup/host.ts';
import type { CgroupLayout } from '../cgroup/types.ts';
import { bootId, boundingSet, hostName, limitsOf } from '../kernel/procfs.ts';
import type { Device } from '../spec/oci.ts';
import { readTextIfThere } from '../store/files.ts';
import { hostDevices } from './host-devices.ts';

/** What the engine must be told of the machine that it runs on. Asked when it is needed, and not before. */
export interface Machine {
  cgroups(): CgroupLayout;
  /** Capabilities that this process can hand on. */
  boundingSet(): bigint;
  /** This process's limits by OCI name; Infinity = unlimited. */
  limits(): ReadonlyMap<string, { soft: number; hard: number }>;
  /** This boot, as opposed to any other. */
  bootId(): string;
  hostName(): string;
  /** A file of the host's; empty where it is missing. */
  text(path: string): string;
  /** Device nodes, for --privileged. */
  devices(): Device[];
}

export const THIS_MACHINE: Machine = {
  cgroups: () => detectCgroups(),
  boundingSet,
  bootId,
  hostName,
  text: (path) => readTextIfThere(path) ?? '',
  limits: () => limitsOf('self'),
  devices: () => hostDevices(),
};
