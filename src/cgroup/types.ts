/** One mounted cgroup hierarchy. */
export interface Hierarchy {
  /** Where it is mounted on the host. */
  mountPoint: string;
  version: 1 | 2;
  /** v1: its controllers, or `name=systemd` for a named one. v2: none here (they are in cgroup.controllers). */
  controllers: readonly string[];
}

/** How this machine arranges cgroups. */
export interface CgroupLayout {
  mode: 'none' | 'v1' | 'hybrid' | 'v2';
  hierarchies: readonly Hierarchy[];
  /** v1 cpuset: what a new cgroup must be given before a process can enter it. */
  cpuset?: { cpus: string; mems: string };
  /** v2: controllers that a child cgroup can have. */
  available?: readonly string[];
}

/** What a reader calls a hierarchy. */
export const label = ({ version, controllers }: Hierarchy): string =>
  version === 2 ? 'unified' : controllers.join(',');
