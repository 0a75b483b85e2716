import {
  absolute,
  filled,
  flag,
  integer,
  invalid,
  list,
  matching,
  object,
  oneOf,
  optional,
  type Reader,
  record,
  text,
} from './fields.ts';
import {
  type BlockIoResources,
  type CpuResources,
  type Device,
  type DeviceRule,
  type IdMapping,
  type Linux,
  type MemoryResources,
  NAMESPACE_TYPES,
  type Namespace,
  type Resources,
  ROOTFS_PROPAGATIONS,
  type Seccomp,
  type SeccompArg,
  type SeccompRule,
} from './oci.ts';

/** uid_t and gid_t without -1, which means «leave it» to setresuid(2) and chown(2). */
export const ID: Reader<number> = integer(0, 2 ** 32 - 2);
const UINT32 = integer(0, 2 ** 32 - 1);
/** Bytes and microseconds: -1 = unlimited, and a double's exact range is 9 PB. */
const AMOUNT = integer(-1, Number.MAX_SAFE_INTEGER);
const COUNT = integer(0, Number.MAX_SAFE_INTEGER);
/** A C unsigned long long; above 2^53 the double is the nearest one. */
export const UINT64: Reader<number> = integer(0, 2 ** 64);
const DEVICE_NUMBER = integer(-1, 2 ** 32 - 1);

export const idMapping: Reader<IdMapping> = object<IdMapping>({
  containerID: ID,
  hostID: ID,
  size: integer(1, 2 ** 32 - 1),
});

const namespace = object<Namespace>({ type: oneOf(...NAMESPACE_TYPES), path: optional(absolute) });

/** The specification: «if a namespaces field contains duplicated namespaces … an error MUST be generated». */
const namespaces: Reader<Namespace[]> = (value, path) => {
  const found = list(namespace)(value, path);
  const seen = new Set<string>();
  for (const [index, { type }] of found.entries()) {
    if (seen.has(type)) throw invalid(`${path}[${index}].type`, `must not be there twice: ${type}`);
    seen.add(type);
  }
  return found;
};

const device = object<Device>({
  type: oneOf('c', 'b', 'u', 'p'),
  path: absolute,
  major: optional(integer(0, 2 ** 32 - 1)),
  minor: optional(integer(0, 2 ** 32 - 1)),
  fileMode: optional(integer(0, 0o177777)),
  uid: optional(ID),
  gid: optional(ID),
});

const deviceRule = object<DeviceRule>({
  allow: flag,
  type: optional(oneOf('a', 'c', 'b')),
  major: optional(DEVICE_NUMBER),
  minor: optional(DEVICE_NUMBER),
  access: optional(matching(/^[rwm]{1,3}$/, 'must be some of r, w and m')),
});

const memory = object<MemoryResources>({
  limit: optional(AMOUNT),
  reservation: optional(AMOUNT),
  swap: optional(AMOUNT),
  kernel: optional(AMOUNT),
  kernelTCP: optional(AMOUNT),
  swappiness: optional(integer(0, 200)),
  disableOOMKiller: optional(flag),
  useHierarchy: optional(flag),
  checkBeforeUpdate: optional(flag),
});

/** cpuset(7) lists; they are written to a file as they are. */
const cpuList = matching(/^[0-9]*([,-][0-9]+)*$/, 'must be a list such as 0-3,7');

const cpu = object<CpuResources>({
  shares: optional(COUNT),
  quota: optional(AMOUNT),
  burst: optional(COUNT),
  period: optional(COUNT),
  realtimeRuntime: optional(AMOUNT),
  realtimePeriod: optional(COUNT),
  cpus: optional(cpuList),
  mems: optional(cpuList),
  idle: optional(integer(0, 1)),
});

const throttle = list(
  object<{ major: number; minor: number; rate: number }>({ major: UINT32, minor: UINT32, rate: COUNT }),
);
const weight = integer(0, 1000);

const blockIO = object<BlockIoResources>({
  weight: optional(weight),
  leafWeight: optional(weight),
  weightDevice: optional(
    list(
      object<{ major: number; minor: number; weight?: number; leafWeight?: number }>({
        major: UINT32,
        minor: UINT32,
        weight: optional(weight),
        leafWeight: optional(weight),
      }),
    ),
  ),
  throttleReadBpsDevice: optional(throttle),
  throttleWriteBpsDevice: optional(throttle),
  throttleReadIOPSDevice: optional(throttle),
  throttleWriteIOPSDevice: optional(throttle),
});

/** Keys become file names in the container's cgroup: `memory.high`, never a path. */
const unified: Reader<Record<string, string>> = (value, path) => {
  const found = record(text)(value, path);
  for (const key of Object.keys(found)) {
    if (!/^[a-z0-9_]+(\.[a-zA-Z0-9_]+)+$/.test(key))
      throw invalid(path, `must have keys such as memory.high, not ${JSON.stringify(key)}`);
  }
  return found;
};

const resources = object<Resources>({
  devices: optional(list(deviceRule)),
  memory: optional(memory),
  cpu: optional(cpu),
  pids: optional(object<{ limit: number }>({ limit: AMOUNT })),
  blockIO: optional(blockIO),
  hugepageLimits: optional(
    list(
      object<{ pageSize: string; limit: number }>({
        pageSize: matching(/^[1-9][0-9]*[KMG]B$/, 'must be a size such as 2MB'),
        limit: COUNT,
      }),
    ),
  ),
  network: optional(
    object<{ classID?: number; priorities?: Array<{ name: string; priority: number }> }>({
      classID: optional(UINT32),
      priorities: optional(list(object<{ name: string; priority: number }>({ name: filled, priority: UINT32 }))),
    }),
  ),
  unified: optional(unified),
});

const seccompArg = object<SeccompArg>({
  index: integer(0, 5),
  value: UINT64,
  valueTwo: optional(UINT64),
  op: matching(/^SCMP_CMP_[A-Z_]+$/, 'must be an SCMP_CMP_… operator'),
});
const action = matching(/^SCMP_ACT_[A-Z_]+$/, 'must be an SCMP_ACT_… action');

const seccompRule: Reader<SeccompRule> = (value, path) => {
  const found = object<SeccompRule>({
    names: list(filled),
    action,
    errnoRet: optional(UINT32),
    args: optional(list(seccompArg)),
  })(value, path);
  if (found.names.length === 0) throw invalid(`${path}.names`, 'must have at least one name');
  return found;
};

const seccomp = object<Seccomp>({
  defaultAction: action,
  defaultErrnoRet: optional(UINT32),
  architectures: optional(list(matching(/^SCMP_ARCH_[A-Z0-9_]+$/, 'must be an SCMP_ARCH_… name'))),
  flags: optional(list(matching(/^SECCOMP_FILTER_FLAG_[A-Z_]+$/, 'must be a SECCOMP_FILTER_FLAG_… name'))),
  listenerPath: optional(absolute),
  listenerMetadata: optional(text),
  syscalls: optional(list(seccompRule)),
});

/**
 * Keys become paths below /proc/sys: CVE-2022-0811 (CRI-O) slipped another one in through the value, so a
 * value is one line here, and a key has neither an empty nor a `..` component. Which keys are allowed is `runtime`'s to say.
 */
const sysctl: Reader<Record<string, string>> = (value, path) => {
  const found = record(matching(/^[^\n\r]*$/, 'must be one line'))(value, path);
  for (const key of Object.keys(found)) {
    const good = /^[a-zA-Z0-9_-]+([./][a-zA-Z0-9_-]+)+$/.test(key);
    if (!good) throw invalid(path, `must have keys such as net.ipv4.ip_forward, not ${JSON.stringify(key)}`);
  }
  return found;
};

/** `/tsrun/<id>`, or systemd's `slice:prefix:name`; a path must not climb out of the hierarchy. */
const cgroupsPath: Reader<string> = (value, path) => {
  const found = filled(value, path);
  if (found.split('/').includes('..')) throw invalid(path, 'must not contain ..');
  return found;
};

export const linux: Reader<Linux> = object<Linux>({
  namespaces: optional(namespaces),
  uidMappings: optional(list(idMapping)),
  gidMappings: optional(list(idMapping)),
  devices: optional(list(device)),
  cgroupsPath: optional(cgroupsPath),
  resources: optional(resources),
  rootfsPropagation: optional(oneOf(...ROOTFS_PROPAGATIONS)),
  seccomp: optional(seccomp),
  sysctl: optional(sysctl),
  maskedPaths: optional(list(absolute)),
  readonlyPaths: optional(list(absolute)),
  mountLabel: optional(text),
});
