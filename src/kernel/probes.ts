/** What a probe may ask. The calls are refused by every kernel, for what they are asked or because it does not know them: nothing changes. */
export interface ProbeMachine {
  /** `6.18.0-1-amd64` */
  release: string;
  /** The errno by which a call with impossible arguments is refused; undefined when it could not be made at all. */
  refusal(call: ProbeCall): string | undefined;
  /** undefined when it cannot be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
  /** Directories of cgroups v2 below the root of the hierarchy; empty where there are none. */
  cgroups2: readonly string[];
}

/** openat2(-1, …), close_range(1, 0), mount_setattr(-1, …, size 0), pidfd_open(0). */
export type ProbeCall = 'openat2' | 'close_range' | 'mount_setattr' | 'pidfd_open';

export interface Feature {
  name: string;
  /** The Linux that has it first. */
  since: string;
  /** What tsrun does with it, and what becomes of that without it. */
  use: string;
  /** undefined: this machine cannot tell. */
  probe(machine: ProbeMachine): boolean | undefined;
}

const knows =
  (call: ProbeCall) =>
  ({ refusal }: ProbeMachine): boolean | undefined => {
    const code = refusal(call);
    return code === undefined ? undefined : code !== 'ENOSYS';
  };

/** For what cannot be tried without doing it. */
const byVersion =
  (since: string) =>
  ({ release }: ProbeMachine): boolean => {
    const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
    const [wantMajor = 0, wantMinor = 0] = since.split('.').map(Number);
    return major > wantMajor || (major === wantMajor && minor >= wantMinor);
  };

/** In /proc/filesystems when built in or loaded, else a module that the first mount loads. */
function hasOverlay({ read, release }: ProbeMachine): boolean {
  if (/\toverlay$/m.test(read('/proc/filesystems') ?? '')) return true;
  return /\/overlay\.ko/.test(read(`/lib/modules/${release}/modules.dep`) ?? '');
}

/** Every cgroup v2 but the root has the file. */
function hasCgroupKill({ cgroups2, exists, ...machine }: ProbeMachine): boolean | undefined {
  const [one] = cgroups2;
  if (one !== undefined) return exists(`${one}/cgroup.kill`);
  return byVersion('5.14')({ cgroups2, exists, ...machine }) ? undefined : false;
}

/** Features of the kernel that tsrun uses, all in this place. Its floor is Linux 5.10. */
export const FEATURES: readonly Feature[] = [
  { name: 'overlayfs', since: '3.18', use: 'the root of every container', probe: hasOverlay },
  { name: 'openat2', since: '5.6', use: 'paths inside a root never lead out of it', probe: knows('openat2') },
  { name: 'pidfd_open', since: '5.3', use: 'signals reach the process that was meant', probe: knows('pidfd_open') },
  {
    name: 'close_range',
    since: '5.9',
    use: 'no descriptor of ours reaches a container',
    probe: knows('close_range'),
  },
  {
    name: 'clone3 CLONE_INTO_CGROUP',
    since: '5.7',
    use: 'born in its cgroup (v2)',
    probe: byVersion('5.7'),
  },
  { name: 'setns by pidfd', since: '5.8', use: 'exec enters all namespaces at once', probe: byVersion('5.8') },
  {
    name: 'mount_setattr',
    since: '5.12',
    use: '--mount bind-recursive=readonly; without it that is refused',
    probe: knows('mount_setattr'),
  },
  {
    name: 'cgroup.kill',
    since: '5.14',
    use: 'rm -f kills all at once (v2); without it one by one',
    probe: hasCgroupKill,
  },
];
