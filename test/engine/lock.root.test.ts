import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockContainer } from '../../src/store/lock.ts';
import { Paths } from '../../src/store/paths.ts';
import { cgroupV1, needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';
import { cgroupsOf } from '../support/world.ts';

const test = needs(suite('one command at a time'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const lockOf = (id: string): string => join(tsrun.dataRoot, 'containers', id, 'lock');

function holds(pid: number, path: string): boolean {
  const fds = `/proc/${pid}/fd`;
  try {
    return readdirSync(fds).some((fd) => readlinkSync(join(fds, fd)) === path);
  } catch {
    return false; // one that was closed meanwhile
  }
}

for (const [verb, words] of [
  ['start', ['start', '-a']],
  ['rm', ['rm']],
  ['rm -f', ['rm', '-f']],
] as const)
  test(`${verb} waits for the command that is at work, and says nothing of it`, async () => {
    expectOk(tsrun.run(['run', '--name', 'worked-on', tsrun.rootfs, 'true']));
    const id = tsrun.inspect('worked-on', '{{.Id}}');
    const unlock = lockContainer(new Paths(tsrun.dataRoot, tsrun.runRoot), id, 'test');
    try {
      const { child, ended } = tsrun.spawn([...words, 'worked-on']);
      await until('it to look at the lock', () => holds(child.pid!, lockOf(id)));
      unlock();
      const { code, stderr } = await ended;
      assert.equal([code, stderr], [0, '']);
    } finally {
      tsrun.run(['rm', '-f', id]);
    }
    assert.equal(tsrun.leftovers([id]), []);
  });

/** As one that was to be PID 1 and hangs, whose launcher was killed: it has inherited the lock. */
needs(
  test,
  tool('flock'),
  cgroupV1('pids'),
)('a process of the container has its lock: rm -f ends it', async () => {
  const { ended } = await tsrun.container('hung');
  const id = tsrun.inspect('hung', '{{.Id}}');
  const holder = spawn('flock', ['-o', '-x', lockOf(id), 'sleep', '600'], { stdio: 'ignore' });
  const gone = new Promise((resolve) => holder.on('exit', resolve));
  for (const path of cgroupsOf(id)) writeFileSync(join(path, 'cgroup.procs'), String(holder.pid));
  await until('it to have the lock', () => holds(holder.pid!, lockOf(id)));
  expectOk(tsrun.run(['rm', '-f', 'hung']));
  await gone;
  assert.is((await ended).code, 137);
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
