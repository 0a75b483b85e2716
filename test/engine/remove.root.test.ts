import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupV1, needs, overlay, root, tool } from '../support/needs.ts';
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

function chattr(change: string, path: string): { ok: boolean; reason: string } {
  const { status, stderr } = spawnSync('chattr', [change, path], { encoding: 'utf8' });
  return { ok: status === 0, reason: `no chattr ${change} here: ${stderr}` };
}

function canBeImmutable(): { ok: boolean; reason: string } {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-immutable-'));
  const set = chattr('+i', directory);
  chattr('-i', directory);
  rmdirSync(directory);
  return set;
}

const immutable = needs(test, tool('chattr'), canBeImmutable());

immutable('a layer that cannot be removed: rm fails, names it, and can be said again', () => {
  tsrun.run(['run', '--name', 'sticky', tsrun.rootfs, 'sh', '-c', 'mkdir /d; echo x > /d/f']);
  const id = tsrun.inspect('sticky', '{{.Id}}');
  const layer = dirname(tsrun.inspect('sticky', '{{.GraphDriver.Data.UpperDir}}'));
  const file = join(layer, 'diff/d/f');
  assert.ok(chattr('+i', file).ok);
  try {
    const { code, stdout, stderr } = tsrun.run(['rm', 'sticky']);
    assert.equal([code, stdout], [1, ''], stderr);
    assert.match(stderr, `remove_tree(AT_FDCWD, "${layer}"): EPERM`);
    assert.match(stderr, /hint: .*chattr/);
    assert.ok(existsSync(file));
    assert.is(tsrun.inspect('sticky', '{{.Id}}'), id);
    assert.is(tsrun.run(['run', '--name', 'sticky', tsrun.rootfs, 'true']).code, 125, 'the name is still taken');
  } finally {
    chattr('-i', file);
  }
  assert.is(tsrun.run(['rm', 'sticky']).code, 0);
  assert.equal(tsrun.leftovers([id]), []);
});

immutable('--rm: a layer that cannot be removed keeps its record; who wants the name is told', async () => {
  const { child, ended } = await tsrun.container('stays', 'echo x > /f; echo ready; read line', ['--rm', '-i']);
  const id = tsrun.inspect('stays', '{{.Id}}');
  const file = join(tsrun.inspect('stays', '{{.GraphDriver.Data.UpperDir}}'), 'f');
  assert.ok(chattr('+i', file).ok);
  try {
    child.stdin?.end('\n');
    assert.is((await ended).code, 0);
    assert.ok(existsSync(file));
    assert.match(tsrun.inspect('stays', '{{.Id}} {{.State.Status}}'), `${id} exited`);
    const { code, stderr } = tsrun.run(['run', '--name', 'stays', tsrun.rootfs, 'true']);
    assert.is(code, 125);
    assert.match(stderr, /remove_tree\(.*EPERM/);
  } finally {
    chattr('-i', file);
  }
  assert.is(tsrun.run(['run', '--rm', '--name', 'stays', tsrun.rootfs, 'true']).code, 0);
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
