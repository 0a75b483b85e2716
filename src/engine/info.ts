import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { TAPE_VERSION } from '../kernel/abi.ts';
import { capabilityNames } from '../kernel/capabilities.ts';
import { FEATURES, type ProbeCall, type ProbeMachine } from '../kernel/probes.ts';
import { boundingSet } from '../kernel/procfs.ts';
import { play } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { ENGINE_VERSION, type Engine } from './engine.ts';
import { listContainers } from './list.ts';
import { fileSystemOf } from './overlay-check.ts';
import type { StatusName } from './status.ts';

const NOWHERE = -1;
const CALLS: Record<ProbeCall, Step> = {
  openat2: step('in_root', { root: NOWHERE, path: 'x', want: 0 }, 'is it known'),
  close_range: step('close_range', { first: 1, last: 0, flags: 0 }, 'is it known'),
  mount_setattr: step('mount_setattr', { dirfd: NOWHERE, pathname: 'x', flags: 0, attr: null, size: 0 }, 'is it known'),
  pidfd_open: step('pidfd_open', { pid: 0, flags: 0 }, 'is it known'),
};

function refusal(call: ProbeCall): string | undefined {
  try {
    play('probe the kernel', [CALLS[call]]);
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
  }
  return undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function probeMachine({ cgroups }: Engine): ProbeMachine {
  const v2 = cgroups.hierarchies.find(({ version }) => version === 2)?.mountPoint;
  const below = (path: string): string[] => {
    try {
      return readdirSync(path, { withFileTypes: true }).flatMap((one) =>
        one.isDirectory() ? [join(path, one.name)] : [],
      );
    } catch {
      return [];
    }
  };
  return { release: release(), refusal, read, exists: existsSync, cgroups2: v2 === undefined ? [] : below(v2) };
}

/** Counts of containers; null, and why, when they cannot be read. */
function countContainers(engine: Engine) {
  try {
    const { containers, damaged } = listContainers(engine);
    const count = (name: StatusName) => containers.filter(({ status }) => status.status === name).length;
    const [running, paused] = [count('running'), count('paused')];
    return {
      Containers: containers.length + damaged.length,
      ContainersRunning: running,
      ContainersPaused: paused,
      ContainersStopped: containers.length - running - paused,
      ContainersDamaged: damaged.length,
      warnings: damaged.map(({ error }) => error.message),
    };
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    const unknown = {
      ContainersRunning: null,
      ContainersPaused: null,
      ContainersStopped: null,
      ContainersDamaged: null,
    };
    return { Containers: null, ...unknown, warnings: [error.message] };
  }
}

export type EngineInfo = ReturnType<typeof engineInfo>;

/** The machine as tsrun sees it, under Docker's names where it has them. Changes nothing and needs no privilege. */
export function engineInfo(engine: Engine) {
  const { warnings, ...counts } = countContainers(engine);
  const mask = boundingSet();
  const available = capabilityNames(mask);
  const last = Number(read('/proc/sys/kernel/cap_last_cap') ?? 40);
  const missing = capabilityNames((1n << BigInt(last + 1)) - 1n).filter((name) => !available.includes(name));
  const machine = probeMachine(engine);
  const features = FEATURES.map(({ probe, ...feature }) => ({ ...feature, available: probe(machine) ?? null }));
  return {
    ...counts,
    Driver: 'overlay2',
    DriverStatus: [['Backing Filesystem', backingFileSystem(engine)]],
    CgroupMode: engine.cgroups.mode,
    CgroupVersion: cgroupVersion(engine),
    KernelVersion: release(),
    OperatingSystem: operatingSystem(),
    OSType: 'linux',
    Architecture: arch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    Name: hostname(),
    DockerRootDir: engine.paths.dataRoot,
    RunDir: engine.paths.runRoot,
    ServerVersion: ENGINE_VERSION,
    SecurityOptions: ['name=capabilities', 'name=masked-paths', 'name=cgroupns', 'name=devices'],
    Capabilities: { Available: available, Missing: missing },
    KernelFeatures: features.map(({ name, since, use, available }) => ({
      Name: name,
      Since: since,
      Use: use,
      Available: available,
    })),
    Warnings: [...warnings, ...machineWarnings(missing, features, engine.cgroups.mode)],
  };
}

function cgroupVersion({ cgroups }: Engine): string {
  return cgroups.mode === 'none' ? '' : cgroups.mode === 'v2' ? '2' : '1';
}

/** Of the nearest directory above that exists: nothing is made before the first container. */
function backingFileSystem({ paths }: Engine): string {
  let path = paths.dataRoot;
  while (!existsSync(path) && path !== '/') path = join(path, '..');
  return fileSystemOf(path);
}

function operatingSystem(): string {
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(read('/etc/os-release') ?? '')?.[1] ?? 'unknown';
}

function machineWarnings(
  missing: readonly string[],
  features: readonly { name: string; since: string; available: boolean | null }[],
  cgroupMode: string,
): string[] {
  const lacking = missing.includes('CAP_SYS_RESOURCE')
    ? ['CAP_SYS_RESOURCE is missing: no limit can be raised above the hard limit of this process']
    : [];
  return [
    ...(missing.length > 0
      ? [`--privileged gives every capability that this process has, not ${missing.join(', ')}`]
      : []),
    ...lacking,
    ...(cgroupMode === 'none' ? ['no cgroup hierarchy is mounted'] : []),
    ...features.flatMap(({ name, since, available }) =>
      available === false ? [`this kernel lacks ${name} (Linux ${since})`] : [],
    ),
  ];
}

/** What answers, for `tsrun version`. */
export function versionInfo() {
  return {
    Client: {
      Version: ENGINE_VERSION,
      NodeVersion: process.version,
      KernelVersion: release(),
      Os: process.platform,
      Arch: arch(),
      NativeAbiVersion: TAPE_VERSION,
    },
  };
}
