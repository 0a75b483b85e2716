import { IN_ROOT } from '../kernel/abi.ts';
import { MS } from '../kernel/constants.ts';
import { fdPath, slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Mount } from '../spec/oci.ts';
import { type CgroupLayout, type Hierarchy, label } from './types.ts';

const FLAGS = MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC;

const resolve = (path: string): Step =>
  step('in_root', { root: slot('root'), path, want: IN_ROOT.makeDir }, `where /${path} is`, { save: 'target' });

const mountStep = (
  source: string | null,
  filesystemtype: string | null,
  mountflags: number,
  data: string | null,
  why: string,
): Step => step('mount', { source, target: fdPath('target'), filesystemtype, mountflags, data }, why);

const remountSteps = (at: string, readonly: number): Step[] => [
  resolve(at),
  mountStep(null, null, MS.MS_REMOUNT | MS.MS_BIND | FLAGS | readonly, null, readonly ? 'read-only' : 'its flags'),
];

/** Docker's names: `cpu,cpuacct`, and `systemd` for `name=systemd`. */
const directoryName = (controllers: readonly string[]): string => controllers.join(',').replace(/^name=/, '');

/** One hierarchy. The cgroup namespace makes our own cgroup the root of what is seen; without one, that part alone is bound. */
function hierarchySteps(hierarchy: Hierarchy, at: string, own: string | undefined, readonly: number): Step[] {
  const { version, controllers, mountPoint } = hierarchy;
  const why = `its own cgroup (${label(hierarchy)})`;
  if (own !== undefined)
    return [
      resolve(at),
      mountStep(`${mountPoint}${own}`, null, MS.MS_BIND, null, `${why}, and nothing above it`),
      ...remountSteps(at, readonly),
    ];
  const type = version === 2 ? 'cgroup2' : 'cgroup';
  return [resolve(at), mountStep(type, type, FLAGS | readonly, version === 2 ? null : controllers.join(','), why)];
}

/**
 * /sys/fs/cgroup inside: the container's own part of each hierarchy.
 * @param own the cgroup's path where the container has no cgroup namespace of its own, in which the whole tree would be seen
 */
export function mountCgroupSteps(layout: CgroupLayout, mount: Mount, own: string | undefined): Step[] {
  const at = mount.destination.replace(/^\/+/, '');
  const readonly = mount.options?.includes('ro') ? MS.MS_RDONLY : 0;
  if (layout.mode === 'none') return [];
  const seen = layout.hierarchies.filter(({ version }) => layout.mode === 'v2' || version === 1);
  if (layout.mode === 'v2') return seen.flatMap((hierarchy) => hierarchySteps(hierarchy, at, own, readonly));
  return [
    resolve(at),
    mountStep('tmpfs', 'tmpfs', FLAGS, 'mode=755', 'a directory for the controllers'),
    ...seen.flatMap((hierarchy) =>
      hierarchySteps(hierarchy, `${at}/${directoryName(hierarchy.controllers)}`, own, readonly),
    ),
    ...(readonly ? remountSteps(at, readonly) : []),
  ];
}
