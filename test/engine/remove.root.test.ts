import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupV1, needs, overlay, root } from '../support/needs.ts';
import { openTsrun, type Tsrun, until } from '../support/tsrun.ts';
import { cgroupsOf } from '../support/world.ts';

const test = needs(suite('rm: what stays, and what is said of it'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

needs(test, cgroupV1('pids'))('a busy sub-cgroup: neither rm nor the keeper spins for ever', async () => {
  const { ended } = await tsrun.container('busy');
  const id = tsrun.inspect('busy', '{{.Id}}');
  const cgroup = cgroupsOf(id).find((path) => path.includes('/pids/'));
  assert.ok(cgroup);
  const inside = join(cgroup, 'sub', 'leaf');
  mkdirSync(inside, { recursive: true });
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
  try {
    writeFileSync(join(inside, 'cgroup.procs'), String(sleeper.pid));
    assert.is(tsrun.run(['rm', '-f', 'busy']).code, 0);
    assert.is((await ended).code, 137);
    assert.equal(cgroupsOf(id), [cgroup], 'the others are gone');
    assert.match(readFileSync(join(inside, 'cgroup.procs'), 'utf8'), String(sleeper.pid));
  } finally {
    sleeper.kill('SIGKILL');
    await until('the end of the sleeper', () => !existsSync(`/proc/${sleeper.pid}`));
    for (const path of [inside, join(cgroup, 'sub'), cgroup]) if (existsSync(path)) rmdirSync(path);
  }
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
