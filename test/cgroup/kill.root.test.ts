import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupProcesses, cgroupTree, detectCgroups } from '../../src/cgroup/host.ts';
import { killListed, killProcesses } from '../../src/cgroup/kill.ts';
import type { CgroupLayout } from '../../src/cgroup/types.ts';
import { processBirth } from '../../src/kernel/procfs.ts';
import { cgroupV1, needs, root } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';

const test = needs(suite('killing one by one'), root(), cgroupV1('pids'), cgroupV1('freezer'));
const PATH = `/tsrun-test-kill-${process.pid}`;
const children: ChildProcess[] = [];

/** A machine with these two hierarchies and no other: nothing there can kill a whole cgroup. */
const hierarchies = detectCgroups().hierarchies.filter(({ controllers }) =>
  controllers.some((name) => name === 'pids' || name === 'freezer'),
);
const layout: CgroupLayout = { mode: 'v1', hierarchies };
const at = (controller: string, ...below: string[]): string =>
  join(hierarchies.find(({ controllers }) => controllers.includes(controller))!.mountPoint, PATH, ...below);
const everywhere = (below: string): string[] => ['pids', 'freezer'].map((controller) => at(controller, below));

function start(command: string, ...args: string[]): number {
  const child = spawn(command, args, { stdio: 'ignore' });
  children.push(child);
  return child.pid!;
}

/** A process of its own in that sub-cgroup of every hierarchy. */
function startIn(below: string): number {
  const pid = start('sleep', '600');
  for (const directory of everywhere(below)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  }
  return pid;
}

const isAlive = (pid: number): boolean => !'ZX'.includes(processBirth(pid)?.state ?? 'X');
const ends = (pid: number): Promise<void> => until(`the end of ${pid}`, () => !isAlive(pid));

test.before(() => {
  for (const directory of everywhere('')) mkdirSync(directory);
  writeFileSync(at('pids', 'pids.max'), '200');
});

test.after(async () => {
  writeFileSync(at('freezer', 'freezer.state'), 'THAWED');
  for (const child of children) child.kill('SIGKILL');
  await until('an empty cgroup', () => cgroupProcesses(layout, PATH).length === 0);
  for (const directory of everywhere('').flatMap((path) => cgroupTree(path).toReversed()))
    if (existsSync(directory)) rmdirSync(directory);
});

test('a pid that is another’s by the time it is held is left alone', async () => {
  const [member, stranger] = [start('sleep', '600'), start('sleep', '600')];
  const lists = [[member, stranger], [member]];
  killListed(() => lists.shift() ?? []);
  await ends(member);
  assert.ok(isAlive(stranger));
});

test('more than a batch, one that has ended, and those of another PID namespace', async () => {
  const many = Array.from({ length: 40 }, () => start('sleep', '600'));
  const gone = many[0]!;
  process.kill(gone, 'SIGKILL');
  await until('that it was reaped', () => processBirth(gone) === undefined);
  killListed(() => [0, ...many]);
  for (const pid of many) await ends(pid);
});

test('all of a cgroup and its sub-cgroups, and nobody else', async () => {
  const outside = start('sleep', '600');
  const inside = ['', 'a', 'a/b/c', 'd'].map(startIn);
  assert.equal(cgroupProcesses(layout, PATH).toSorted(), inside.toSorted());
  killProcesses(layout, PATH, at('pids'), false);
  for (const pid of inside) await ends(pid);
  assert.ok(isAlive(outside));
});

test('what is frozen ends, too, in whichever sub-cgroup', async () => {
  const pids = ['', 'cold'].map(startIn);
  for (const below of ['', 'cold']) writeFileSync(at('freezer', below, 'freezer.state'), 'FROZEN');
  killProcesses(layout, PATH, at('pids'), false);
  for (const pid of pids) await ends(pid);
});

test('one that is always ahead, because it forks and ends, is overtaken', async () => {
  const [pids, freezer] = everywhere('').map((path) => join(path, 'cgroup.procs'));
  start('bash', '-c', `echo $$ > ${pids}; echo $$ > ${freezer}; f() { f & exit; }; f`);
  const first = children.at(-1)!.pid!;
  await until('the chain of processes', () => !isAlive(first) && cgroupProcesses(layout, PATH).length > 0);
  await until('its end', () => {
    killProcesses(layout, PATH, at('pids'), true);
    return cgroupProcesses(layout, PATH).length === 0;
  });
});

test.run();
