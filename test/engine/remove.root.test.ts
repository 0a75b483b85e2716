import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupProcesses, detectCgroups } from '../../src/cgroup/host.ts';
import { killListed } from '../../src/cgroup/kill.ts';
import { THIS_MACHINE } from '../../src/engine/machine.ts';
import { removeContainer } from '../../src/engine/remove.ts';
import { type Engine, openEngine, run } from '../../src/index.ts';
import { processBirth } from '../../src/kernel/procfs.ts';
import { cgroupV1, needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';
import { cgroupsOf } from '../support/world.ts';

const test = needs(suite('rm: what stays, and what is said of it'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** A process of this test's, in a sub-cgroup that it made in the container's. */
function intrude(id: string): { cgroup: string; pid: number; leave(): Promise<void> } {
  const cgroup = cgroupsOf(id).find((path) => path.includes('/pids/'));
  assert.ok(cgroup);
  const inside = join(cgroup, 'sub', 'leaf');
  mkdirSync(inside, { recursive: true });
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
  writeFileSync(join(inside, 'cgroup.procs'), String(sleeper.pid));
  const leave = async () => {
    sleeper.kill('SIGKILL');
    await until('the end of the sleeper', () => !existsSync(`/proc/${sleeper.pid}`));
  };
  return { cgroup, pid: sleeper.pid!, leave };
}

test('-f: one that runs without its directory, by whatever it is called; by another data root it is not found', async () => {
  for (const [at, end] of [0, 12, 64].entries()) {
    const id = expectOk(
      tsrun.run(['run', '-d', '--name', `gone${at}`, '--restart', 'always', tsrun.rootfs, 'sleep', '600']),
    ).trim();
    const pid = tsrun.inspect(id, '{{.State.Pid}}');
    rmSync(join(tsrun.dataRoot, 'containers', id), { recursive: true });
    const reference = end === 0 ? `gone${at}` : id.slice(0, end);
    assert.is(tsrun.run(['rm', reference]).code, 1, 'without -f nothing is ended');
    const other = mkdtempSync(join(tmpdir(), 'tsrun-test-'));
    assert.is(tsrun.run(['--data-root', other, 'rm', '-f', reference]).code, 1);
    rmSync(other, { recursive: true });
    assert.ok(existsSync(`/proc/${pid}`));
    assert.equal(tsrun.run(['rm', '-f', reference]), { code: 0, stdout: `${reference}\n`, stderr: '' });
    await until('its process to be reaped', () => !existsSync(`/proc/${pid}`));
    assert.equal(tsrun.leftovers([id]), []);
  }
});

const hybrid = needs(test, cgroupV1('pids'));

hybrid(
  'a cgroup that another’s process is in: rm says which and who, keeps the container, and can be said again',
  async () => {
    const { ended } = await tsrun.container('busy');
    const id = tsrun.inspect('busy', '{{.Id}}');
    const { cgroup, pid, leave } = intrude(id);
    try {
      const { code, stdout, stderr } = tsrun.run(['rm', '-f', 'busy']);
      assert.equal([code, stdout], [1, ''], stderr);
      assert.match(stderr, `unlinkat(AT_FDCWD, "${cgroup}", AT_REMOVEDIR): EBUSY`);
      assert.match(stderr, `, with ${pid} (sleep) in it\nhint: end it, or move it`);
      assert.is((await ended).code, 137);
      assert.equal(cgroupsOf(id), [cgroup], 'the others are gone');
      assert.ok(existsSync(`/proc/${pid}`), 'it is not ours to kill');
      assert.match(tsrun.inspect('busy', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137');
    } finally {
      await leave();
    }
    assert.is(tsrun.run(['rm', 'busy']).code, 0);
    assert.equal(tsrun.leftovers([id]), []);
  },
);

hybrid(
  '--rm, and another’s process in its cgroup: the container is kept, its exit code told, and rm ends it',
  async () => {
    const { child, ended } = await tsrun.container('visited', 'echo ready; read line; exit 7', ['--rm', '-i']);
    const id = tsrun.inspect('visited', '{{.Id}}');
    const { cgroup, leave } = intrude(id);
    try {
      child.stdin?.end('\n');
      assert.is((await ended).code, 7);
      assert.ok(cgroupsOf(id).includes(cgroup));
      assert.is(tsrun.inspect('visited', '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}'), 'exited 7');
      assert.is(tsrun.run(['rm', 'visited']).code, 1);
      assert.equal(cgroupsOf(id), [cgroup]);
    } finally {
      await leave();
    }
    assert.is(tsrun.run(['rm', 'visited']).code, 0);
    assert.equal(tsrun.leftovers([id]), []);
  },
);

/** As a machine with cgroup v1 alone sees it: nothing there kills a whole cgroup. */
function withoutUnified(): Engine {
  const { hierarchies, ...layout } = detectCgroups();
  const cgroups = { ...layout, mode: 'v1', hierarchies: hierarchies.filter(({ version }) => version === 1) } as const;
  const machine = { ...THIS_MACHINE, cgroups: () => cgroups };
  return openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot, machine });
}

const SCRIPT = 'trap "" TERM; sleep 601 & sleep 602 & (sleep 603 & sleep 604 &) & echo ready; wait';
for (const state of ['gone', 'damaged'])
  hybrid(`no cgroup.kill, and a state.json that is ${state}: rm -f ends every process all the same`, async () => {
    const engine = withoutUnified();
    const live = run(engine, { rootfs: tsrun.rootfs, command: ['sh', '-c', SCRIPT], remove: false });
    await once(live.stdout, 'data');
    const { pid, id } = live;
    assert.not.ok(cgroupsOf(id).some((path) => path.includes('/unified/')));
    const monitor = processBirth(pid)!.parent;
    process.kill(monitor, 'SIGKILL');
    const path = join(tsrun.runRoot, id, 'state.json');
    if (state === 'gone') rmSync(path);
    else writeFileSync(path, '{"version":1,"pid":');
    const pids = cgroupProcesses(engine.cgroups, `/tsrun-${id}`);
    try {
      assert.ok(pids.includes(pid) && pids.length >= 4);
      assert.is(await removeContainer(engine, id, { force: true }), id);
      for (const one of pids) await until(`the end of ${one}`, () => 'ZX'.includes(processBirth(one)?.state ?? 'X'));
    } finally {
      killListed(() => cgroupProcesses(engine.cgroups, `/tsrun-${id}`));
    }
    await live.exited;
    assert.equal(tsrun.leftovers([id]), []);
  });

needs(test, cgroupV1('freezer'))('rm -f of one that was frozen', async () => {
  const { ended } = await tsrun.container('frozen');
  const id = tsrun.inspect('frozen', '{{.Id}}');
  const freezer = cgroupsOf(id).find((path) => path.includes('/freezer/'));
  assert.ok(freezer);
  writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
  const { code, stderr } = tsrun.run(['rm', '-f', 'frozen']);
  if (existsSync(freezer)) writeFileSync(join(freezer, 'freezer.state'), 'THAWED');
  assert.is(code, 0, stderr);
  assert.is((await ended).code, 137);
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
  const [file, aside] = ['', '-removing'].map((ending) => join(`${layer}${ending}`, 'diff/d/f')) as [string, string];
  assert.ok(chattr('+i', file).ok);
  try {
    const { code, stdout, stderr } = tsrun.run(['rm', 'sticky']);
    assert.equal([code, stdout], [1, ''], stderr);
    assert.match(stderr, `remove_tree(AT_FDCWD, "${layer}-removing"): EPERM`);
    assert.match(stderr, /hint: .*chattr/);
    assert.ok(existsSync(aside));
    assert.is(tsrun.inspect('sticky', '{{.Id}}'), id);
    assert.is(tsrun.run(['run', '--name', 'sticky', tsrun.rootfs, 'true']).code, 125, 'the name is still taken');
  } finally {
    chattr('-i', aside);
  }
  assert.is(tsrun.run(['rm', 'sticky']).code, 0);
  assert.equal(tsrun.leftovers([id]), []);
});

immutable('--rm: a layer that cannot be removed keeps its record; who wants the name is told', async () => {
  const { child, ended } = await tsrun.container('stays', 'echo x > /f; echo ready; read line; exit 7', ['--rm', '-i']);
  const id = tsrun.inspect('stays', '{{.Id}}');
  const layer = dirname(tsrun.inspect('stays', '{{.GraphDriver.Data.UpperDir}}'));
  const [file, aside] = ['', '-removing'].map((ending) => join(`${layer}${ending}`, 'diff/f')) as [string, string];
  assert.ok(chattr('+i', file).ok);
  try {
    child.stdin?.end('\n');
    assert.is((await ended).code, 7);
    assert.ok(existsSync(file));
    assert.is(tsrun.inspect('stays', '{{.Id}} {{.State.Status}} {{.State.ExitCode}}'), `${id} exited 7`);
    assert.not.match(tsrun.inspect('stays', '{{.State.FinishedAt}}'), /^0001/);
    assert.match(expectOk(tsrun.run(['ps', '-a'])), /Exited \(7\) .* ago +stays/);
    assert.not.ok(existsSync(join(tsrun.runRoot, id)), 'nothing of the run is kept');
    const { code, stderr } = tsrun.run(['run', '--name', 'stays', tsrun.rootfs, 'true']);
    assert.is(code, 125);
    assert.match(stderr, /remove_tree\(.*EPERM/);
  } finally {
    chattr('-i', existsSync(aside) ? aside : file);
  }
  assert.is(tsrun.run(['run', '--rm', '--name', 'stays', tsrun.rootfs, 'true']).code, 0);
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
