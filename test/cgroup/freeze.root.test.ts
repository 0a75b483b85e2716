import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freeze, isFrozen, thaw } from '../../src/cgroup/freeze.ts';
import { detectCgroups } from '../../src/cgroup/host.ts';
import type { CgroupLayout } from '../../src/cgroup/types.ts';
import { cgroupV1, cgroupV2, needs, root } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';

const test = needs(suite('freezing'), root());
const PATH = `/tsrun-test-freeze-${process.pid}`;
const { hierarchies } = detectCgroups();

/** A process in a cgroup of that hierarchy alone, for as long as `use` takes. */
async function withProcess(version: 1 | 2, use: (layout: CgroupLayout, child: ChildProcess) => Promise<void>) {
  const hierarchy = hierarchies.find(
    (one) => one.version === version && (version === 2 || one.controllers.includes('freezer')),
  );
  assert.ok(hierarchy);
  const directory = `${hierarchy.mountPoint}${PATH}`;
  mkdirSync(directory);
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    writeFileSync(`${directory}/cgroup.procs`, String(child.pid));
    await use({ mode: 'v1', hierarchies: [hierarchy] }, child);
  } finally {
    thaw({ mode: 'v1', hierarchies: [hierarchy] }, PATH, 'test');
    child.kill('SIGKILL');
    await until('an empty cgroup', () => {
      try {
        rmdirSync(directory);
        return true;
      } catch {
        return false;
      }
    });
  }
}

for (const version of [1, 2] as const) {
  const on = needs(test, version === 1 ? cgroupV1('freezer') : cgroupV2());
  on(`v${version}: what is frozen does nothing until it is thawed`, async () => {
    await withProcess(version, async (layout, child) => {
      let echoed = '';
      child.stdout!.on('data', (chunk: Buffer) => (echoed += chunk));
      assert.is(isFrozen(layout, PATH), false);
      await freeze(layout, PATH, 'test');
      assert.is(isFrozen(layout, PATH), true);
      child.stdin!.write('x');
      await new Promise((resolve) => setImmediate(resolve));
      assert.is(echoed, '');
      thaw(layout, PATH, 'test');
      await until('the echo', () => echoed === 'x');
      assert.is(isFrozen(layout, PATH), false);
    });
  });
}

test('a cgroup that is not there is not frozen, and cannot be', async () => {
  const layout: CgroupLayout = { mode: 'v1', hierarchies };
  assert.is(isFrozen(layout, '/tsrun-no-such'), false);
  thaw(layout, '/tsrun-no-such', 'test');
  try {
    await freeze(layout, '/tsrun-no-such', 'pause x');
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'pause x: its cgroup has no freezer');
  }
});

test.run();
