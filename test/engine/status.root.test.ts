import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bootId, processBirth } from '../../src/kernel/procfs.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('status after a death'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

const pidOf = (name: string): number => Number(tsrun.inspect(name, '{{.State.Pid}}'));
const idOf = (name: string): string => tsrun.inspect(name, '{{.Id}}');
const stateOf = (name: string): string => tsrun.inspect(name, '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}');
const ends = (pid: number): Promise<void> => until(`the end of ${pid}`, () => processBirth(pid) === undefined);

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

/** `rm -f` ends what is left, and nothing of the container remains. */
async function removes(name: string, ...pids: number[]): Promise<void> {
  const ids = tsrun.ids();
  expectOk(tsrun.run(['rm', '-f', name]));
  for (const pid of pids) await ends(pid);
  assert.equal(tsrun.leftovers(ids), []);
}

/** PID 1 and the monitor that would have recorded its end, both gone. */
async function loses(name: string): Promise<void> {
  const { ended } = await tsrun.container(name);
  const pid = pidOf(name);
  process.kill(parentOf(pid), 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await ends(pid);
  await ended;
}

function fakeRun(name: string, state: object | string): void {
  const directory = join(tsrun.runRoot, idOf(name));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'state.json'), typeof state === 'string' ? state : JSON.stringify(state));
}

test('PID 1 is killed: exited with 137, recorded', async () => {
  const { ended } = await tsrun.container('killed');
  const pid = pidOf('killed');
  process.kill(pid, 'SIGKILL');
  assert.is((await ended).code, 137);
  assert.is(stateOf('killed'), 'exited 137 0');
  assert.match(expectOk(tsrun.run(['ps', '-a'])), /Exited \(137\) .* ago +killed/);
  assert.not.match(tsrun.inspect('killed', '{{.State.FinishedAt}}'), /^0001/);
  await removes('killed', pid);
});

test('the relay is killed: the container runs on', async () => {
  const { child, ended } = await tsrun.container('unrelayed');
  const pid = pidOf('unrelayed');
  child.kill('SIGKILL');
  await ended;
  assert.is(stateOf('unrelayed'), `running 0 ${pid}`);
  assert.is(tsrun.run(['rm', 'unrelayed']).code, 1);
  await removes('unrelayed', pid);
});

test('the monitor is killed: the truth about PID 1, and rm -f ends it', async () => {
  const { ended } = await tsrun.container('unmonitored');
  const pid = pidOf('unmonitored');
  const monitor = parentOf(pid);
  assert.match(readFileSync(`/proc/${monitor}/cmdline`, 'latin1'), /tsrun-monitor/);
  process.kill(monitor, 'SIGKILL');
  await ends(monitor);
  const alive = processBirth(pid);
  assert.is(stateOf('unmonitored'), alive && alive.state !== 'Z' ? `running 0 ${pid}` : 'exited 137 0');
  assert.is((await ended).code, 125);
  await removes('unmonitored', pid);
});

test('the monitor and PID 1 are killed: exited with 137, of unknown time', async () => {
  await loses('lost');
  assert.is(stateOf('lost'), 'exited 137 0');
  assert.match(expectOk(tsrun.run(['ps', '-a'])), /Exited \(137\) +lost/);
  assert.is(tsrun.inspect('lost', '{{.State.FinishedAt}}'), '0001-01-01T00:00:00Z');
  assert.match(tsrun.inspect('lost', '{{.State.Error}}'), /not recorded/);
  await removes('lost');
});

test('the machine was rebooted: the same pid of another boot is nobody', async () => {
  await loses('rebooted');
  const me = processBirth(process.pid);
  fakeRun('rebooted', { version: 1, bootId: 'another', pid: process.pid, startTime: me?.startTime, startedAt: '' });
  assert.is(stateOf('rebooted'), 'exited 137 0');
  assert.equal(expectOk(tsrun.run(['ps', '-q'])), '');
  await removes('rebooted');
});

test('the pid was given to another process: that one is left alone', async () => {
  await loses('recycled');
  fakeRun('recycled', { version: 1, bootId: bootId(), pid: process.pid, startTime: '1', startedAt: '' });
  assert.is(stateOf('recycled'), 'exited 137 0');
  await removes('recycled');
});

test('a torn state file: the cgroup tells', async () => {
  await tsrun.container('torn');
  const pid = pidOf('torn');
  for (const text of ['', '{"ver', '[]', '{"version":1}', '{"version":1,"pid":"x"}', '\0'.repeat(100)]) {
    fakeRun('torn', text);
    assert.is(stateOf('torn'), `running 0 ${pid}`, text);
  }
  await removes('torn', pid);
});

test('the run directory is gone, as a cleaner of /run would leave it', async () => {
  await tsrun.container('swept');
  const pid = pidOf('swept');
  const id = idOf('swept');
  rmSync(join(tsrun.runRoot, id), { recursive: true });
  assert.is(stateOf('swept'), `running 0 ${pid}`);
  await removes('swept', pid);
  assert.not.ok(existsSync(join(tsrun.runRoot, id)));
});

test.run();
