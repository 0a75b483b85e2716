import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupProcesses, detectCgroups, findCgroup, memoryEventsPath } from '../../src/cgroup/host.ts';

const test = suite('cgroup detection');
const directory = mkdtempSync(join(tmpdir(), 'tsrun-cgroup-'));
test.after(() => rmSync(directory, { recursive: true }));

let id = 30;
/** A line of proc_pid_mountinfo(5). */
function line(mountPoint: string, type: string, options: string, optional = 'shared:5'): string {
  id += 1;
  return `${id} 24 0:${id} / ${mountPoint} rw,nosuid,nodev,noexec,relatime ${optional} - ${type} ${type} rw,${options}`
    .replace('  ', ' ')
    .replace(/,$/, '');
}
const OTHERS = [
  '22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,cpu,memory',
  '23 22 0:21 / /proc rw - proc proc rw',
  line('/sys/fs/cgroup', 'tmpfs', 'mode=755'),
];
const text = (...lines: string[]): string => `${[...OTHERS, ...lines].join('\n')}\n`;

const NO_PLACE = join(directory, 'not-there');
const V1 = [
  line('/sys/fs/cgroup/systemd', 'cgroup', 'xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd'),
  line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'cpu,cpuacct'),
  line('/sys/fs/cgroup/memory', 'cgroup', 'memory', ''),
  line('/sys/fs/cgroup/pids', 'cgroup', 'pids', 'shared:9 master:1'),
];

test('version 1: controllers, those that share a hierarchy, and the named one', () => {
  const layout = detectCgroups(text(...V1));
  assert.is(layout.mode, 'v1');
  assert.equal(layout.hierarchies, [
    { mountPoint: '/sys/fs/cgroup/systemd', version: 1, controllers: ['name=systemd'] },
    { mountPoint: '/sys/fs/cgroup/cpu,cpuacct', version: 1, controllers: ['cpu', 'cpuacct'] },
    { mountPoint: '/sys/fs/cgroup/memory', version: 1, controllers: ['memory'] },
    { mountPoint: '/sys/fs/cgroup/pids', version: 1, controllers: ['pids'] },
  ]);
  assert.is(layout.available, undefined);
});

test('hybrid: version 1 with a unified hierarchy beside it, whose controllers are not ours', () => {
  const layout = detectCgroups(text(...V1, line('/sys/fs/cgroup/unified', 'cgroup2', 'nsdelegate')));
  assert.is(layout.mode, 'hybrid');
  assert.equal(layout.hierarchies.at(-1), { mountPoint: '/sys/fs/cgroup/unified', version: 2, controllers: [] });
  assert.is(layout.available, undefined);
});

test('version 2: its controllers come from the file', () => {
  const root = join(directory, 'v2');
  mkdirSync(root);
  writeFileSync(join(root, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
  const layout = detectCgroups(text(line(root, 'cgroup2', 'nsdelegate,memory_recursiveprot')));
  assert.equal(layout, {
    mode: 'v2',
    hierarchies: [{ mountPoint: root, version: 2, controllers: [] }],
    available: ['cpuset', 'cpu', 'io', 'memory', 'pids'],
  });
});

test('version 2 without a controller, or without the file', () => {
  const root = join(directory, 'empty');
  mkdirSync(root);
  writeFileSync(join(root, 'cgroup.controllers'), '\n');
  assert.equal(detectCgroups(text(line(root, 'cgroup2', ''))).available, []);
  assert.equal(detectCgroups(text(line(NO_PLACE, 'cgroup2', ''))).available, []);
});

test('none', () => {
  assert.equal(detectCgroups(text()), { mode: 'none', hierarchies: [] });
  assert.equal(detectCgroups(''), { mode: 'none', hierarchies: [] });
});

test('a mount point with blanks, tabs and backslashes, as the kernel escapes them', () => {
  const layout = detectCgroups(text(line('/mnt/a\\040-\\040b\\011c\\134d/é', 'cgroup2', '')));
  assert.is(layout.hierarchies[0]?.mountPoint, '/mnt/a - b\tc\\d/é');
});

test('a hierarchy that is mounted twice counts once, the first place', () => {
  const again = [line('/elsewhere', 'cgroup2', ''), line('/again', 'cgroup', 'memory')];
  const layout = detectCgroups(text(...V1, line(NO_PLACE, 'cgroup2', ''), ...again));
  assert.equal(
    layout.hierarchies.map(({ mountPoint }) => mountPoint),
    ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids', NO_PLACE],
  );
});

test('a cgroup mount without a controller that we know is passed over', () => {
  assert.is(detectCgroups(text(line('/x', 'cgroup', 'debug'))).mode, 'none');
});

test('cpuset: what a new cgroup must be given is read from its root', () => {
  const root = join(directory, 'cpuset');
  mkdirSync(root);
  writeFileSync(join(root, 'cpuset.cpus'), '0-3\n');
  writeFileSync(join(root, 'cpuset.mems'), '0\n');
  assert.equal(detectCgroups(text(line(root, 'cgroup', 'cpuset'))).cpuset, { cpus: '0-3', mems: '0' });
  assert.is(detectCgroups(text(line(NO_PLACE, 'cgroup', 'cpuset'))).cpuset, undefined);
});

test('where out-of-memory kills are counted', () => {
  const hybrid = detectCgroups(text(...V1, line(NO_PLACE, 'cgroup2', '')));
  assert.is(memoryEventsPath(hybrid, '/a'), '/sys/fs/cgroup/memory/a/memory.oom_control');
  const unified = { mode: 'v2', hierarchies: [{ mountPoint: '/c', version: 2, controllers: [] }] } as const;
  assert.is(memoryEventsPath({ ...unified, available: ['memory'] }, '/a'), '/c/a/memory.events');
  assert.is(memoryEventsPath({ ...unified, available: ['pids'] }, '/a'), undefined);
  assert.is(memoryEventsPath(detectCgroups(text()), '/a'), undefined);
});

test('the processes of a cgroup and its sub-cgroups: v2 answers, else the first hierarchy that has it', () => {
  const there = join(directory, 'procs');
  mkdirSync(join(there, 'a/b/c'), { recursive: true });
  writeFileSync(join(there, 'a', 'cgroup.procs'), '12\n345\n');
  writeFileSync(join(there, 'a/b/c', 'cgroup.procs'), '6\n');
  const hierarchies = [NO_PLACE, there].map(
    (mountPoint) => ({ mountPoint, version: 1, controllers: ['pids'] }) as const,
  );
  assert.equal(cgroupProcesses({ mode: 'v1', hierarchies }, '/a'), [12, 345, 6]);
  assert.equal(cgroupProcesses({ mode: 'v1', hierarchies }, '/gone'), []);
  const unified = join(directory, 'unified');
  mkdirSync(join(unified, 'a'), { recursive: true });
  writeFileSync(join(unified, 'a', 'cgroup.procs'), '7\n');
  const both = [...hierarchies, { mountPoint: unified, version: 2, controllers: [] } as const];
  assert.is(findCgroup({ mode: 'hybrid', hierarchies: both }, '/a'), `${unified}/a`);
  assert.equal(cgroupProcesses({ mode: 'hybrid', hierarchies: both }, '/a'), [7]);
});

test('this machine’s own mounts are understood', () => {
  const { mode, hierarchies } = detectCgroups();
  assert.is(mode === 'none', hierarchies.length === 0);
});

test.run();
