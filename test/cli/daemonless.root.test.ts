import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processBirth } from '../../src/kernel/procfs.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { hasEnded } from '../support/system-check.ts';
import { expectOk, openTsrun, PROGRAM, type Tsrun, until } from '../support/tsrun.ts';

/** Every row of the README's table of faults, done. */
const test = needs(suite('what survives what'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const README = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');

/** First cells of the rows below `| what happens |`. */
function faults(): string[] {
  const lines = README.split('\n');
  const at = lines.findIndex((line) => line.startsWith('| what happens |'));
  const rows = lines.slice(at + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => line.split('|')[1]!.trim());
}

const inspect = (name: string, field: string): string => tsrun.inspect(name, `{{.State.${field}}}`);
const pidOf = (name: string): number => Number(inspect(name, 'Pid'));
const monitorOf = (name: string): number => processBirth(pidOf(name))!.parent;
const directoryOf = (name: string): string => join(tsrun.dataRoot, 'containers', tsrun.inspect(name, '{{.Id}}'));
const ok = (...words: string[]): string => expectOk(tsrun.run(words));
const works = (name: string): void => assert.is(ok('exec', name, 'echo', 'here'), 'here\n');

/** One that writes a line, a file, and waits. */
function detached(name: string, ...flags: string[]): void {
  ok('run', '-d', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', 'echo mine > /f; echo ready; exec sleep 600');
}

async function kill(...pids: number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('their end', () => pids.every(hasEnded));
}

/** Nothing is left of it, and its name can be used. */
function gone(name: string): void {
  tsrun.run(['rm', '-f', name]);
  ok('run', '--rm', '--name', name, tsrun.rootfs, 'true');
  assert.match(ok('system', 'check'), /^0 found, 0 fixed, 0 remain$/m);
}

/** Kills a command as soon as that is so; what is left of its container can then be used, or goes. (test/faults kills at every call.) */
async function killWhen(words: string[], event: () => boolean): Promise<void> {
  const { child, ended } = tsrun.spawn(words);
  let over = false;
  void ended.then(() => (over = true));
  await until(`${words[0]} to be at work`, () => over || event());
  child.kill('SIGKILL');
  await ended;
  ok('system', 'check', '--fix');
  gone('web');
}

const TRIALS: Record<string, () => Promise<void> | void> = {
  async 'SIGKILL of `tsrun run`'() {
    const live = await tsrun.container('web', 'echo ready; read line; echo later; exec sleep 600', ['-i']);
    live.child.kill('SIGKILL');
    await live.ended;
    assert.is(inspect('web', 'Status'), 'running');
    works('web');
    const attached = tsrun.spawn(['attach', 'web']);
    attached.child.stdin!.write('go\n');
    await attached.waitFor('later');
    assert.is(ok('logs', 'web'), 'ready\nlater\n');
    ok('stop', '-t', '0', 'web');
    assert.is((await attached.ended).code, 137);
  },
  async 'SIGKILL of the monitor'() {
    detached('web');
    const pid = pidOf('web');
    await kill(monitorOf('web'));
    works('web');
    assert.is(inspect('web', 'Status'), 'running');
    const check = tsrun.run(['system', 'check', '--fix']);
    assert.match(check.stdout, 'its tsrun-monitor has gone');
    assert.is(check.code, 1);
    ok('stop', '-t', '0', 'web');
    assert.ok(hasEnded(pid));
    assert.is(inspect('web', 'ExitCode'), '137');
  },
  async 'SIGKILL of its PID 1'() {
    ok('run', '-d', '--name', 'web', tsrun.rootfs, 'sh', '-c', 'echo mine > /f; sleep 601 & echo $!; exec sleep 600');
    const others = readFileSync(`/proc/${pidOf('web')}/task/${pidOf('web')}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
    await kill(pidOf('web'));
    await until('its record', () => inspect('web', 'ExitCode') === '137');
    assert.ok(others.length === 1 && others.every(hasEnded));
    ok('start', 'web');
    assert.is(ok('exec', 'web', 'cat', '/f'), 'mine\n');
  },
  async 'SIGKILL of all three at once'() {
    const live = await tsrun.container('web', 'echo mine > /f; echo ready; exec sleep 600');
    await kill(live.child.pid!, monitorOf('web'), pidOf('web'));
    await live.ended;
    assert.equal([inspect('web', 'Status'), inspect('web', 'ExitCode')], ['exited', '137']);
    assert.match(ok('system', 'check', '--fix'), /^1 found, 1 fixed, 0 remain$/m);
    ok('start', 'web');
    assert.is(ok('exec', 'web', 'cat', '/f'), 'mine\n');
  },
  async 'SIGKILL of `run` while it makes the container'() {
    const begun = [
      () => tsrun.ids().length > 0,
      () => lstatSync(join(tsrun.dataRoot, 'names/web'), { throwIfNoEntry: false }) !== undefined,
      () => readdirSync(tsrun.runRoot).some((name) => name.length === 64),
    ];
    for (const event of begun) await killWhen(['run', '--name', 'web', tsrun.rootfs, 'sleep', '600'], event);
  },
  async 'SIGKILL of `rm` half-way'() {
    for (const part of ['diff', 'work', 'link']) {
      ok('run', '--name', 'web', tsrun.rootfs, 'mkdir', '-p', '/a/b/c', '/d/e/f');
      const path = join(dirname(tsrun.inspect('web', '{{.GraphDriver.Data.UpperDir}}')), part);
      await killWhen(['rm', 'web'], () => !existsSync(path));
    }
  },
  async 'a reboot, a power cut'() {
    detached('web', '--restart', 'unless-stopped');
    await kill(monitorOf('web'), pidOf('web'));
    rmSync(tsrun.runRoot, { recursive: true });
    const started = join(directoryOf('web'), 'started');
    writeFileSync(started, `${readFileSync(started, 'utf8').split(' ')[0]} another-boot`);
    assert.is(inspect('web', 'Status'), 'exited');
    assert.is(ok('start', '--restart-policy'), 'web\n');
    assert.is(ok('exec', 'web', 'cat', '/f'), 'mine\n');
    assert.match(ok('logs', 'web'), /ready\n(.*ready\n)?/s);
  },
  async 'its pid becomes another’s'() {
    detached('web');
    await kill(monitorOf('web'), pidOf('web'));
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
    const state = join(tsrun.runRoot, tsrun.inspect('web', '{{.Id}}'), 'state.json');
    const record = JSON.parse(readFileSync(state, 'utf8')) as Record<string, unknown>;
    writeFileSync(state, JSON.stringify({ ...record, pid: bystander.pid }));
    assert.is(inspect('web', 'Status'), 'exited');
    assert.is(tsrun.run(['kill', 'web']).code, 1);
    ok('rm', '-f', 'web');
    assert.is(bystander.exitCode ?? bystander.signalCode, null);
    bystander.kill('SIGKILL');
  },
  async 'the disk of the data root is full'() {
    const small = join(tsrun.directory, 'small');
    mkdirSync(small);
    assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tsrun-test', small]).status, 0);
    const env = { TSRUN_ROOT: join(small, 'data') };
    try {
      const script =
        'echo ready; read go; i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done; echo done; read go; echo last; exec sleep 600';
      const live = tsrun.spawn(['run', '-i', '--name', 'web', tsrun.rootfs, 'sh', '-c', script], { env });
      await live.waitFor('ready');
      spawnSync('dd', ['if=/dev/zero', `of=${small}/fill`, 'bs=4096'], { stdio: 'ignore' });
      live.child.stdin!.write('go\n');
      await live.waitFor(/^done$/m);
      const refused = tsrun.run(['run', '--rm', tsrun.rootfs, 'true'], { env });
      assert.is(refused.code, 125);
      assert.match(refused.stderr, 'ENOSPC');
      assert.is(expectOk(tsrun.run(['exec', 'web', 'echo', 'here'], { env })), 'here\n');
      rmSync(join(small, 'fill'));
      live.child.stdin!.write('go\n');
      await live.waitFor(/^last$/m);
      const id = expectOk(tsrun.run(['inspect', '-f', '{{.Id}}', 'web'], { env })).trim();
      const log = join(env.TSRUN_ROOT, 'containers', id, 'log.jsonl');
      await until('the count of lost lines', () => /"lost":[1-9]/.test(readFileSync(log, 'utf8')));
      expectOk(tsrun.run(['rm', '-f', 'web'], { env }));
      await live.ended;
    } finally {
      spawnSync('umount', ['-l', small]);
    }
  },
  'the data root becomes read-only'() {
    detached('web');
    spawnSync('mount', ['--bind', tsrun.dataRoot, tsrun.dataRoot]);
    try {
      assert.is(spawnSync('mount', ['-o', 'remount,bind,ro', tsrun.dataRoot]).status, 0);
      works('web');
      assert.match(ok('ps'), 'web');
      assert.is(inspect('web', 'Status'), 'running');
      assert.is(ok('logs', 'web'), 'ready\n');
      const refused = tsrun.run(['run', '--rm', tsrun.rootfs, 'true']);
      assert.is(refused.code, 125);
      assert.match(refused.stderr, 'EROFS');
    } finally {
      spawnSync('umount', [tsrun.dataRoot]);
    }
  },
  async 'a record is torn or garbage'() {
    detached('web');
    ok('run', '--name', 'hurt', tsrun.rootfs, 'sh', '-c', 'echo mine > /f');
    const directory = directoryOf('hurt');
    truncateSync(join(directory, 'container.json'), 20);
    assert.match(ok('ps', '-a'), / Dead /);
    works('web');
    assert.is(tsrun.run(['system', 'check', '--fix']).code, 1);
    assert.ok(existsSync(directory));
    ok('rm', '-f', 'hurt');
  },
  async 'whoever is attached does not read'() {
    const script =
      'echo ready; read go; i=0; while [ $i -lt 60000 ]; do echo "0123456789012345678901234567890123456789 $i"; i=$((i+1)); done; echo done > /done; exec sleep 600';
    ok('run', '-di', '--name', 'web', tsrun.rootfs, 'sh', '-c', script);
    const env = { PATH: process.env.PATH ?? '', TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot };
    const slow = spawn(process.execPath, ['--', PROGRAM, 'attach', 'web'], { env, stdio: 'pipe' });
    slow.stdin.write('go\n');
    await until('all to be written', () => tsrun.run(['exec', 'web', 'cat', '/done']).stdout === 'done\n');
    let said = '';
    slow.stderr.on('data', (text) => (said += text));
    slow.stdout.resume();
    await new Promise((resolve) => slow.on('close', resolve));
    assert.match(said, /too slow|dropped/);
    assert.match(ok('logs', '--tail', '1', 'web'), ' 59999\n');
  },
  async 'two commands want one name, or one container'() {
    const runs = [0, 1, 2].map(() => tsrun.spawn(['run', '--name', 'web', tsrun.rootfs, 'true']).ended);
    const outcomes = await Promise.all(runs);
    assert.equal(outcomes.map(({ code }) => code).toSorted(), [0, 125, 125]);
    for (const { code, stderr } of outcomes) if (code !== 0) assert.match(stderr, 'is already in use by container');
    const removals = await Promise.all([0, 1].map(() => tsrun.spawn(['rm', 'web']).ended));
    assert.equal(removals.map(({ code }) => code).toSorted(), [0, 1]);
    assert.match(removals.map(({ stderr }) => stderr).join(''), /No such container|another command/);
  },
};

test('the table and the trials are of the same faults', () => assert.equal(faults(), Object.keys(TRIALS)));

for (const [what, trial] of Object.entries(TRIALS))
  test(what, async () => {
    try {
      await trial();
      gone('web');
    } finally {
      tsrun.run(['rm', '-f', 'web']); // one that fails is enough
    }
  });

test.run();
