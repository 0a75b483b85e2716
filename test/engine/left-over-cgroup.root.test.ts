import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectCgroups } from '../../src/cgroup/host.ts';
import { processBirth } from '../../src/kernel/procfs.ts';
import { cgroupV1, cgroupV2, needs, overlay, root } from '../support/needs.ts';
import { type Live, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('a run in the cgroup that another left'), root(), overlay());
/** Twice as long each time, in a child of PID 1; what no limit stops, the second one does. */
const HUNGRY = '(ulimit -v 1000000; a=0123456789; while :; do a=$a$a; done)';
const LIMIT = 64 * 1024 * 1024;
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const idOf = (name: string): string => tsrun.inspect(name, '{{.Id}}');
const stateOf = (name: string): string => tsrun.inspect(name, '{{.State.Status}} {{.State.ExitCode}}');
const killed = (name: string): string => tsrun.inspect(name, '{{.State.OOMKilled}}');
const memory = detectCgroups().hierarchies.find(({ controllers }) => controllers.includes('memory'))?.mountPoint;

function limitMemory(id: string): void {
  const directory = join(memory!, `tsrun-${id}`);
  for (const file of ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'])
    try {
      writeFileSync(join(directory, file), `${LIMIT}`, { flag: 'r+' });
    } catch (error) {
      if (!file.includes('memsw')) throw error; // swap is not counted on this machine
    }
}

/** It waits for a word before it does it. */
async function told(live: Live, word: string): Promise<number> {
  live.child.stdin!.end(`${word}\n`);
  return (await live.ended).code;
}

/** Keeps the cgroup of memory from being removed: a process in one below it. */
function occupy(id: string): { process: ChildProcess; directory: string } {
  const directory = join(memory!, `tsrun-${id}`, 'occupied');
  const process = spawn('sleep', ['600'], { stdio: 'ignore' });
  mkdirSync(directory);
  writeFileSync(join(directory, 'cgroup.procs'), `${process.pid}`);
  return { process, directory };
}

needs(test, cgroupV1('memory'))('OOMKilled is said of the run in which it came to that, and of no other', async () => {
  const script = `echo ready; read word; if [ "$word" = eat ]; then ${HUNGRY}; fi; exit 3`;
  const first = tsrun.spawn(['run', '--name', 'eater', '-i', tsrun.rootfs, 'sh', '-c', script]);
  await first.waitFor('ready');
  const id = idOf('eater');
  limitMemory(id);
  const occupied = occupy(id);
  try {
    assert.is(await told(first, 'eat'), 3);
    assert.is(killed('eater'), 'true');
    assert.match(readFileSync(join(occupied.directory, '..', 'memory.oom_control'), 'utf8'), /^oom_kill [1-9]/m);
    const second = tsrun.spawn(['start', '-a', '-i', 'eater']);
    await second.waitFor('ready');
    assert.is(await told(second, 'diet'), 3);
    assert.is(killed('eater'), 'false', 'the count is that of the run before');
    const third = tsrun.spawn(['start', '-a', '-i', 'eater']);
    await third.waitFor('ready');
    assert.is(await told(third, 'eat'), 3);
    assert.is(killed('eater'), 'true');
  } finally {
    occupied.process.kill('SIGKILL');
    await until('the end of what is in it', () => processBirth(occupied.process.pid!) === undefined);
    rmdirSync(occupied.directory);
  }
});

needs(test, cgroupV2())('killed while it was paused, and its monitor, too: it can be started again', async () => {
  const { ended } = await tsrun.container('frozen', 'echo ready; [ -e /seen ] && exit 5; > /seen; exec sleep 600');
  const pid = Number(tsrun.inspect('frozen', '{{.State.Pid}}'));
  const monitor = processBirth(pid)!.parent;
  assert.is(tsrun.run(['pause', 'frozen']).code, 0);
  process.kill(monitor, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await until('the end of PID 1', () => 'ZX'.includes(processBirth(pid)?.state ?? 'X'));
  await ended;
  assert.is(stateOf('frozen'), 'exited 137');
  assert.is(tsrun.run(['start', '-a', 'frozen']).code, 5);
  const id = idOf('frozen');
  assert.is(tsrun.run(['rm', 'frozen']).code, 0);
  assert.equal(
    tsrun.leftovers([id]).filter((path) => path.includes(id)),
    [],
  );
});

test.run();
