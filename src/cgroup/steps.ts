import { TsrunError } from '../errors/tsrun-error.ts';
import { AT, O } from '../kernel/constants.ts';
import type { Struct } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { DeviceRule, Spec } from '../spec/oci.ts';
import { deviceFilterSteps } from './device-filter.ts';
import { allowsAll, deviceRuleLine } from './devices.ts';
import { type CgroupLayout, label } from './types.ts';

/** struct statx; nobody looks into it. */
const SEEN: Struct = { bytes: Buffer.alloc(256), shown: '{}' };

const writeFile = (pathname: string, data: string, why: string, optional = false): Step =>
  step(
    'write_file',
    { dirfd: AT.AT_FDCWD, pathname, flags: O.O_WRONLY, mode: 0, data, length: Buffer.byteLength(data) },
    why,
    optional ? { ignoreErrors: true } : {},
  );

export function cgroupPathOf(spec: Spec): string {
  const path = spec.linux?.cgroupsPath ?? '';
  const words = path.split('/');
  if (words[0] !== '' || !words[1] || words.includes('..')) {
    throw new TsrunError(
      'config',
      `config.json: linux.cgroupsPath: must be an absolute path below the cgroup root: ${JSON.stringify(path)}`,
    );
  }
  return path;
}

/** Limits have their own issue; until then a spec that asks for one is refused, not run without it. */
export function refuseLimits(spec: Spec): void {
  const { devices: _, ...limits } = spec.linux?.resources ?? {};
  const asked = Object.entries(limits).find(
    ([, value]) => value !== undefined && Object.keys(value as object).length > 0,
  );
  if (asked)
    throw new TsrunError('unsupported', `config.json: linux.resources.${asked[0]}: limits are not supported yet`);
}

function makeSteps(mountPoint: string, path: string, why: string): Step[] {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, i) =>
    step(
      'make_dir',
      { dirfd: AT.AT_FDCWD, pathname: `${mountPoint}/${parts.slice(0, i + 1).join('/')}`, mode: 0o755 },
      why,
      { expect: { EEXIST: 0 } },
    ),
  );
}

function ruleWhy({ allow, access, major }: DeviceRule): string {
  if (!allow) return 'no device but those that follow';
  if (access === 'm' && (major ?? -1) < 0) return 'any node may be made; opening it is another matter';
  return 'a device that the container may use';
}

function deviceSteps(directory: string, rules: readonly DeviceRule[]): Step[] {
  if (allowsAll(rules)) return [];
  return rules.map((rule) =>
    writeFile(`${directory}/devices.${rule.allow ? 'allow' : 'deny'}`, deviceRuleLine(rule), ruleWhy(rule)),
  );
}

/** A controller that cannot be enabled (a busy parent, one in use by v1) is only missing from the statistics. */
function enableSteps(mountPoint: string, controllers: readonly string[]): Step[] {
  const pathname = `${mountPoint}/cgroup.subtree_control`;
  return controllers.map((name) =>
    writeFile(pathname, `+${name}`, `let child cgroups have the ${name} controller`, true),
  );
}

/** Makes the container's cgroup in every hierarchy of the host, with its device rules. Played by the launcher, before the clone. */
export function makeCgroupSteps(layout: CgroupLayout, path: string, spec: Spec): Step[] {
  const rules = spec.linux?.resources?.devices ?? [];
  return layout.hierarchies.flatMap((hierarchy) => {
    const directory = `${hierarchy.mountPoint}${path}`;
    const steps = makeSteps(hierarchy.mountPoint, path, `the container’s own cgroup (${label(hierarchy)})`);
    if (hierarchy.controllers.includes('cpuset') && layout.cpuset) {
      steps.push(
        writeFile(
          `${directory}/cpuset.cpus`,
          layout.cpuset.cpus,
          'a new cpuset has no processors until it is given some',
        ),
      );
      steps.push(writeFile(`${directory}/cpuset.mems`, layout.cpuset.mems, 'nor memory nodes'));
    }
    if (hierarchy.controllers.includes('devices')) steps.push(...deviceSteps(directory, rules));
    if (layout.mode === 'v2') steps.unshift(...enableSteps(hierarchy.mountPoint, layout.available ?? []));
    return steps;
  });
}

/**
 * Where no v1 hierarchy has the devices controller, a program on the unified one does its work. A container that may make device nodes
 * and is held by neither could open the host's disks: then it is not started.
 */
export function filterDevicesSteps(layout: CgroupLayout, path: string, spec: Spec): Step[] {
  const rules = spec.linux?.resources?.devices ?? [];
  if (allowsAll(rules) || layout.hierarchies.some(({ controllers }) => controllers.includes('devices'))) return [];
  const unified = layout.hierarchies.find(({ version }) => version === 2);
  if (unified) return deviceFilterSteps(`${unified.mountPoint}${path}`, rules);
  throw new TsrunError(
    'unsupported',
    'config.json: linux.resources.devices: this machine has no cgroup hierarchy that could hold the container off the host’s devices',
    {
      hint: 'mount cgroup2, or the devices controller of cgroup v1; --privileged does without',
    },
  );
}

/** cgroup v2: the child is born there (CLONE_INTO_CGROUP): joining later waits 10 ms for an RCU grace period. */
export function openUnifiedSteps(layout: CgroupLayout, path: string): Step[] {
  const unified = layout.hierarchies.find(({ version }) => version === 2);
  if (unified === undefined) return [];
  return [
    step(
      'openat',
      {
        dirfd: AT.AT_FDCWD,
        pathname: `${unified.mountPoint}${path}`,
        flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC,
        mode: 0,
      },
      'the cgroup that the child is to be born in',
      { save: 'cgroup' },
    ),
  ];
}

/** cgroup v1: the child writes itself into each `tasks` file: 0.15 ms for all, where cgroup.procs waits 11 ms. */
export function attachSteps(layout: CgroupLayout, path: string): Step[] {
  return layout.hierarchies
    .filter(({ version }) => version === 1)
    .map((hierarchy) =>
      writeFile(`${hierarchy.mountPoint}${path}/tasks`, '0', `enter the container’s cgroup (${label(hierarchy)})`),
    );
}

/** Each does what it can, or `strict`: the first that stays is an error. */
export function removeCgroupSteps(layout: CgroupLayout, path: string, strict = false): Step[] {
  return layout.hierarchies
    .toSorted((a, b) => b.version - a.version) // v2 first: it can kill what is left
    .map((hierarchy) =>
      step(
        'rmdir_cgroup',
        { dirfd: AT.AT_FDCWD, path: `${hierarchy.mountPoint}${path}` },
        `remove the cgroup (${label(hierarchy)})`,
        strict ? {} : { ignoreErrors: true },
      ),
    );
}

/** Only what nobody is in: nothing is killed, nothing is waited for. */
export function removeEmptyCgroupSteps(layout: CgroupLayout, path: string): Step[] {
  return layout.hierarchies.map((hierarchy) =>
    step(
      'unlinkat',
      { dirfd: AT.AT_FDCWD, pathname: `${hierarchy.mountPoint}${path}`, flags: AT.AT_REMOVEDIR },
      `a cgroup that a killed run left, with its counters and settings (${label(hierarchy)})`,
      { ignoreErrors: true },
    ),
  );
}

/**
 * Played after those above: what is still there is an error. A cgroup that is forgotten may hold processes that nobody finds any more.
 * Looked at first, because rmdir(2) says EROFS where there is nothing.
 */
export function missCgroupSteps(layout: CgroupLayout, path: string): Step[] {
  return layout.hierarchies.flatMap((hierarchy) => {
    const pathname = `${hierarchy.mountPoint}${path}`;
    const why = `the cgroup (${label(hierarchy)}) must be gone`;
    const look = { dirfd: AT.AT_FDCWD, pathname, flags: 0, mask: 0, statxbuf: SEEN };
    return [
      step('statx', look, why, { expect: { ENOENT: 1 } }),
      step('unlinkat', { dirfd: AT.AT_FDCWD, pathname, flags: AT.AT_REMOVEDIR }, why, { expect: { ENOENT: 0 } }),
    ];
  });
}

/** Every process of the container, however it was started and whatever its PID 1 does (Linux 5.14). */
export function killCgroupSteps(layout: CgroupLayout, path: string): Step[] {
  const unified = layout.hierarchies.find(({ version }) => version === 2);
  return unified
    ? [writeFile(`${unified.mountPoint}${path}/cgroup.kill`, '1', 'kill every process of the container', true)]
    : [];
}
