import type { Spec } from '../spec/oci.ts';
import type { BindMount, RunOptions, TmpfsMount } from './run-options.ts';

/** Docker's default, and what `defaultMounts` gives /dev/shm. */
const SHM_BYTES = 64 * 1024 * 1024;

/** What was asked for on the command line, under Docker's names and in its order; null where Docker has it for an empty list. */
export function hostConfigOf(options: RunOptions, spec: Spec | undefined) {
  const binds = options.mounts.filter((mount) => mount.type === 'bind');
  return {
    Binds: orNull(binds.filter((mount) => mount.createSource).map(bindText)),
    ContainerIDFile: options.cidfile ?? '',
    LogConfig: { Type: options.log.driver, Config: sorted(options.log.options) },
    NetworkMode: options.network,
    PortBindings: {},
    RestartPolicy: { Name: options.restart.name, MaximumRetryCount: options.restart.maximumRetryCount },
    AutoRemove: options.remove,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: orNull(options.capAdd),
    CapDrop: orNull(options.capDrop),
    CgroupnsMode: 'private',
    ...dnsOf(options),
    ExtraHosts: orNull(options.extraHosts.map(({ host, ip }) => `${host}:${ip}`)),
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: spec?.process?.oomScoreAdj ?? 0,
    PidMode: '',
    Privileged: options.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: options.readOnly,
    SecurityOpt: null,
    ...tmpfsOf(options),
    UTSMode: '',
    UsernsMode: '',
    ShmSize: SHM_BYTES,
    ...(spec?.linux?.sysctl ? { Sysctls: spec.linux.sysctl } : {}),
    Runtime: 'tsrun',
    Isolation: '',
    ...resources(options),
    ...mountsOf(binds),
    MaskedPaths: spec?.linux?.maskedPaths ?? null,
    ReadonlyPaths: spec?.linux?.readonlyPaths ?? null,
    ...(options.init ? { Init: true } : {}),
  };
}

/** As Go writes a map. */
function sorted(map: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Limits, which tsrun does not have yet: Docker's values for none. */
function resources(options: RunOptions) {
  return {
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: '',
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: null,
    Ulimits: options.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function dnsOf({ dns }: RunOptions) {
  return { Dns: dns.servers, DnsOptions: dns.options, DnsSearch: dns.search };
}

function tmpfsOf({ mounts }: RunOptions) {
  const tmpfs = mounts.filter((mount) => mount.type === 'tmpfs');
  return tmpfs.length > 0 ? { Tmpfs: Object.fromEntries(tmpfs.map((mount) => [mount.target, tmpfsText(mount)])) } : {};
}

function mountsOf(binds: readonly BindMount[]) {
  const mounts = binds.filter((mount) => !mount.createSource).map(mountWish);
  return mounts.length > 0 ? { Mounts: mounts } : {};
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}

/** As after -v. */
function bindText({ source, target, readonly, propagation }: BindMount): string {
  const words = [...(readonly ? ['ro'] : []), ...(propagation ? [propagation] : [])];
  return [source, target, ...(words.length > 0 ? [words.join(',')] : [])].join(':');
}

/** As --mount became JSON for dockerd. */
function mountWish({ source, target, readonly, propagation }: BindMount) {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ...(readonly ? { ReadOnly: true } : {}),
    ...(propagation ? { BindOptions: { Propagation: propagation } } : {}),
  };
}

function tmpfsText({ readonly, size, mode, options }: TmpfsMount): string {
  return [
    ...(readonly ? ['ro'] : []),
    ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ...(size === undefined ? [] : [`size=${size}`]),
    ...options,
  ].join(',');
}
