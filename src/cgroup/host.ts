import { readdirSync, readFileSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import type { CgroupLayout, Hierarchy } from './types.ts';

const CONTROLLERS = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'blkio',
  'pids',
  'net_cls',
  'net_prio',
  'perf_event',
  'hugetlb',
  'rdma',
  'misc',
]);

const unescapeOctal = (path: string): string =>
  !path.includes('\\')
    ? path
    : path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

function toHierarchy(line: string): Hierarchy | undefined {
  if (!line.includes(' - cgroup')) return undefined; // as most are not
  const [left, right] = line.split(' - ');
  const [type, , options] = (right ?? '').split(' ');
  const mountPoint = unescapeOctal(left?.split(' ')[4] ?? '');
  if (type === 'cgroup2') return { mountPoint, version: 2, controllers: [] };
  if (type !== 'cgroup') return undefined;
  const controllers = (options ?? '')
    .split(',')
    .filter((option) => CONTROLLERS.has(option) || option.startsWith('name='));
  return controllers.length > 0 ? { mountPoint, version: 1, controllers } : undefined;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    rethrowShortage(error, path);
    return undefined;
  }
};

/** From mountinfo: v1, v2, both (hybrid: v1 controllers beside a v2 hierarchy without any, which serves to kill and freeze), or none. */
export function detectCgroups(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupLayout {
  const seen = new Set<string>();
  const hierarchies: Hierarchy[] = [];
  for (const line of mountinfo.split('\n')) {
    const hierarchy = toHierarchy(line);
    const key = hierarchy && (hierarchy.version === 2 ? 'v2' : hierarchy.controllers.join(','));
    if (hierarchy === undefined || key === undefined || seen.has(key)) continue;
    seen.add(key);
    hierarchies.push(hierarchy);
  }
  const v1 = hierarchies.some(({ version }) => version === 1);
  const v2 = hierarchies.find(({ version }) => version === 2);
  const mode = v1 ? (v2 ? 'hybrid' : 'v1') : v2 ? 'v2' : 'none';
  const cpusetAt = hierarchies.find(({ controllers }) => controllers.includes('cpuset'))?.mountPoint;
  const cpus = cpusetAt && read(`${cpusetAt}/cpuset.cpus`);
  const mems = cpusetAt && read(`${cpusetAt}/cpuset.mems`);
  return {
    mode,
    hierarchies,
    ...(cpus && mems ? { cpuset: { cpus, mems } } : {}),
    ...(mode === 'v2' && v2
      ? { available: (read(`${v2.mountPoint}/cgroup.controllers`) ?? '').split(' ').filter(Boolean) }
      : {}),
  };
}

/** Where memory.events or memory.oom_control of that cgroup is; undefined without a memory controller. */
export function memoryEventsPath(layout: CgroupLayout, path: string): string | undefined {
  const v1 = layout.hierarchies.find(({ controllers }) => controllers.includes('memory'));
  if (v1) return `${v1.mountPoint}${path}/memory.oom_control`;
  const v2 = layout.hierarchies.find(({ version }) => version === 2);
  return v2 && layout.available?.includes('memory') ? `${v2.mountPoint}${path}/memory.events` : undefined;
}

/** How often the kernel has killed a process of that cgroup for want of memory, since it was made. 0 when there is none. */
export function oomKills(layout: CgroupLayout, path: string): number {
  const events = memoryEventsPath(layout, path);
  const text = events === undefined ? undefined : read(events);
  return Number(text?.match(/^oom_kill (\d+)$/m)?.[1] ?? 0);
}

/** A cgroup's directory and those of its sub-cgroups, parents first; empty when it is gone. */
export function cgroupTree(directory: string): string[] {
  const found = [directory];
  for (let at = 0; at < found.length; at++) {
    const path = found[at]!;
    try {
      for (const entry of readdirSync(path, { withFileTypes: true }))
        if (entry.isDirectory()) found.push(`${path}/${entry.name}`);
    } catch (error) {
      rethrowShortage(error, path);
      if (at === 0) return [];
    }
  }
  return found;
}

/** Host pids of the processes in the cgroup at that directory and in its sub-cgroups. */
export function processesBelow(directory: string): number[] {
  const pids = cgroupTree(directory).flatMap((path) => (read(`${path}/cgroup.procs`) ?? '').split('\n'));
  return [...new Set(pids.filter(Boolean).map(Number))];
}

/** Its directory in the hierarchy that speaks for all: v2, where the container was born, else the first that has it. */
export function findCgroup(layout: CgroupLayout, path: string): string | undefined {
  return layout.hierarchies
    .toSorted((a, b) => b.version - a.version)
    .map(({ mountPoint }) => `${mountPoint}${path}`)
    .find((directory) => read(`${directory}/cgroup.procs`) !== undefined);
}

/** Host pids of the processes in that cgroup and its sub-cgroups; empty when it is gone. */
export function cgroupProcesses(layout: CgroupLayout, path: string): number[] {
  const directory = findCgroup(layout, path);
  return directory === undefined ? [] : processesBelow(directory);
}
