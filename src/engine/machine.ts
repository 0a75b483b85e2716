import { detectCgroups } from '../cgroup/host.ts';
import type { CgroupLayout } from '../cgroup/types.ts';
import { bootId, boundingSet, limitsOf } from '../kernel/procfs.ts';
import type { Device } from '../spec/oci.ts';
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
  /** Device nodes, for --privileged. */
  devices(): Device[];
}

export const THIS_MACHINE: Machine = {
  cgroups: () => detectCgroups(),
  boundingSet,
  bootId,
  limits: () => limitsOf('self'),
  devices: () => hostDevices(),
};
