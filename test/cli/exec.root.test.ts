import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ExecEntry, stateOfExec } from '../../src/store/exec-entry.ts';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, until } from '../support/tsrun.ts';
import { World } from '../support/world.ts';

const test = needs(suite('exec and its entries'), root(), overlay(), tool('cc'));
const LISTENS = "trap 'exit 9' HUP; echo ready; while :; do sleep 0.05; done";
let world: World;
let id = '';
test.before(async () => {
  world = await World.open();
  await world.tsrun.container('home');
  id = world.tsrun.inspect('home', '{{.Id}}');
});
test.after(() => world?.close());

const tsrun = (...args: string[]) => world.tsrun.run(args);
const directory = (container = id): string => join(world.runRoot, container, 'exec');
const idsOf = (container = id): string[] => readdirSync(directory(container)).map((name) => name.replace('.json', ''));
const pathOf = (exec: string, container = id): string => join(directory(container), `${exec}.json`);
const read = (exec: string): ExecEntry => JSON.parse(readFileSync(pathOf(exec), 'utf8'));
const inspect = (exec: string, template = '{{json .}}'): string => world.tsrun.inspect(exec, template);
const going = (): string[] => JSON.parse(world.tsrun.inspect('home', '{{json .ExecIDs}}')) ?? [];

/** What that did to the entries: ids that were not there before. */
function newSince(before: readonly string[]): string[] {
  return idsOf().filter((one) => !before.includes(one));
}
const ended = (exec: string) => until(`the end of exec ${exec}`, () => read(exec).exitCode !== undefined);

test('an exec has an entry: what it was and how it ended, but not its secrets', () => {
  const { code, stdout } = tsrun('exec', '-u', '0:0', '-w', '/tmp', '-e', 'SECRET=hush', 'home', 'sh', '-c', 'exit 5');
  assert.equal([code, stdout], [5, '']);
  const [exec = ''] = idsOf();
  assert.equal(JSON.parse(inspect(exec)), {
    ID: exec,
    Running: false,
    ExitCode: 5,
    ProcessConfig: { tty: false, entrypoint: 'sh', arguments: ['-c', 'exit 5'], privileged: false, user: '0:0' },
    OpenStdin: false,
    OpenStderr: true,
    OpenStdout: true,
    CanRemove: true,
    ContainerID: id,
    DetachKeys: '',
    Pid: read(exec).pid,
  });
  assert.not.match(readFileSync(pathOf(exec), 'utf8'), /hush/);
  assert.is(read(exec).workdir, '/tmp');
  assert.is(statSync(pathOf(exec)).mode & 0o777, 0o600);
  assert.is(statSync(directory()).mode & 0o777, 0o700);
  assert.equal(going(), []);
});

test('exec -d: says nothing, is found in ExecIDs while it runs, and its end is not lost', async () => {
  const { code, stdout, stderr } = tsrun('exec', '-d', 'home', 'sleep', '600');
  assert.equal([code, stdout, stderr], [0, '', '']);
  const [exec = '', ...others] = going();
  assert.equal(others, []);
  const pid = Number(inspect(exec, '{{.Pid}}'));
  assert.match(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), 'sleep');
  assert.is(inspect(exec.slice(0, 12), '{{.Running}} {{.OpenStdout}} {{.ExitCode}}'), 'true false <no value>');
  process.kill(pid, 'SIGTERM');
  await ended(exec);
  assert.is(inspect(exec, '{{.Running}} {{.ExitCode}}'), 'false 143');
  assert.is(world.tsrun.inspect('home', '{{json .ExecIDs}}'), 'null');
});

test('inspect: --type, prefixes, what is not there', () => {
  const [exec = ''] = idsOf();
  assert.is(tsrun('inspect', '--type', 'exec', '-f', '{{.ContainerID}}', exec).stdout, `${id}\n`);
  assert.is(tsrun('inspect', '--type', 'container', exec).stderr, `Error: No such object: ${exec}\n`);
  assert.is(tsrun('inspect', '--type', 'exec', 'home').stderr, 'Error: No such object: home\n');
  assert.is(tsrun('inspect', '--type', 'exec', `${exec}0`).code, 1);
  assert.match(tsrun('inspect', '--type', 'image', 'home').stderr, '"image" is not a valid value for --type');
  const twin = `${exec.slice(0, 63)}${exec.endsWith('0') ? '1' : '0'}`;
  writeFileSync(pathOf(twin), JSON.stringify({ ...read(exec), id: twin }));
  assert.match(tsrun('inspect', exec.slice(0, 63)).stderr, 'multiple IDs found with provided prefix');
});

test('a command that cannot be executed leaves no entry', () => {
  const before = idsOf();
  assert.is(tsrun('exec', 'home', 'nonsuch').code, 127);
  assert.is(tsrun('exec', 'home', '/etc').code, 126);
  assert.equal(newSince(before), []);
});

for (const flags of [[], ['-i']]) {
  test(`SIGKILL of the client: the process hears of it: exec ${flags.join(' ')}`, async () => {
    const before = idsOf();
    const client = world.tsrun.spawn(['exec', ...flags, 'home', 'sh', '-c', LISTENS]);
    await client.waitFor('ready');
    const [exec = ''] = newSince(before);
    client.child.kill('SIGKILL');
    await ended(exec);
    assert.is(read(exec).exitCode, 9);
  });
}

for (const flags of [['-t'], ['-i', '-t']]) {
  test(`the client is killed, or its terminal is gone: exec ${flags.join(' ')}`, async () => {
    for (const how of ['client', 'terminal']) {
      const before = idsOf();
      const terminal = world.onTerminal(['exec', ...flags, 'home', 'sh', '-c', LISTENS]);
      await terminal.waitFor('ready');
      const [exec = ''] = newSince(before);
      if (how === 'client') process.kill(await terminal.pid(), 'SIGKILL');
      else terminal.kill();
      await ended(exec);
      assert.is(read(exec).exitCode, 9, how);
    }
  });
}

test('what it started goes with it, stopped or not', async () => {
  const before = idsOf();
  const client = world.tsrun.spawn(['exec', 'home', 'sh', '-c', 'sleep 601 & kill -STOP $!; echo ready; wait; exit 3']);
  await client.waitFor('ready');
  const [exec = ''] = newSince(before);
  client.child.kill('SIGKILL');
  await ended(exec);
  await until('the end of all', () => !tsrun('top', 'home').stdout.includes('sleep 601'));
});

test('^P^Q leaves exec -it: the command goes on, is not hung up on, and may write as much as it likes', async () => {
  const before = idsOf();
  const script = `trap 'exit 9' HUP; echo up; while [ ! -e /tmp/go ]; do sleep 0.05; done
    i=0; while [ $i -lt 3000 ]; do echo "nobody reads this, and it is more than a terminal holds $i"; i=$((i+1)); done
    tty > /tmp/tty; exit 4`;
  const terminal = world.onTerminal(['exec', '-it', 'home', 'sh', '-c', script]);
  await terminal.waitFor('up');
  const [exec = ''] = newSince(before);
  terminal.type('\x10\x11');
  assert.is(await terminal.end(), 0);
  assert.match(terminal.shown, /read escape sequence\r\n$/);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags, 'its modes are back');
  assert.is(inspect(exec, '{{.Running}}'), 'true');
  expectOk(tsrun('exec', 'home', 'touch', '/tmp/go'));
  await ended(exec);
  assert.is(read(exec).exitCode, 4);
  assert.match(expectOk(tsrun('exec', 'home', 'cat', '/tmp/tty')), /^\/dev\/pts\/\d+\n$/);
});

test('--detach-keys: others', async () => {
  const terminal = world.onTerminal(['exec', '-it', '--detach-keys', 'ctrl-a,x', 'home', 'cat']);
  terminal.type('one\x10\x11\r');
  await terminal.waitFor('one^P'); // which the caller's own terminal may have said
  await until('it to run', () => going().length > 0);
  const [exec = ''] = going().slice(-1);
  terminal.type('\x01x');
  assert.is(await terminal.end(), 0);
  assert.is(inspect(exec, '{{.Running}}'), 'true');
  process.kill(read(exec).pid!, 'SIGHUP');
  await ended(exec);
  assert.match(tsrun('exec', '--detach-keys', 'ctrl-', 'home', 'true').stderr, 'detach-keys');
});

test('-d is nobody’s: it goes on, and hears nothing', async () => {
  const before = idsOf();
  expectOk(tsrun('exec', '-d', 'home', 'sh', '-c', `${LISTENS.replace('exit 9', 'echo hung > /tmp/hung')}`));
  const [exec = ''] = newSince(before);
  assert.is(inspect(exec, '{{.Running}}'), 'true');
  assert.is(tsrun('exec', 'home', 'sh', '-c', '[ -e /tmp/hung ]').code, 1);
  process.kill(read(exec).pid!, 'SIGKILL');
  await ended(exec);
  assert.is(read(exec).exitCode, 137);
});

test('its monitor is killed: it runs as long as it runs, and its end is one that nobody recorded', async () => {
  const before = idsOf();
  expectOk(tsrun('exec', '-d', 'home', 'sleep', '602'));
  const [exec = ''] = newSince(before);
  const { pid, monitor } = read(exec);
  process.kill(monitor!.pid, 'SIGKILL');
  await until('the end of its monitor', () => stateOfExec({ ...read(exec), pid: 0 }) === 'ended');
  assert.is(inspect(exec, '{{.Running}}'), 'true');
  process.kill(pid!, 'SIGKILL');
  await until('its end', () => stateOfExec(read(exec)) === 'ended');
  assert.is(inspect(exec, '{{.Running}} {{.ExitCode}}'), 'false 137');
});

test('bounded: the oldest of those that have ended go, what runs stays', () => {
  expectOk(tsrun('exec', '-d', 'home', 'sleep', '603'));
  const [running = ''] = going();
  const [model = ''] = idsOf().filter((exec) => read(exec).exitCode === 5);
  for (let i = 0; i < 150; i++) {
    const made = { ...read(model), id: i.toString(16).padStart(64, '0'), createdNs: `${i + 2_000_000_000}000000000` };
    writeFileSync(pathOf(made.id), JSON.stringify(made));
  }
  assert.is(tsrun('exec', 'home', 'true').code, 0);
  const left = idsOf();
  assert.ok(left.includes(running));
  assert.not.ok(left.includes(model), 'the oldest');
  assert.ok(left.includes((149).toString(16).padStart(64, '0')), 'the youngest');
  assert.ok(left.length <= 101, `${left.length}`);
});

test('the container ends: 137, nothing is left of its execs, and exec says that it is not running', async () => {
  await world.tsrun.container('ends');
  const ends = world.tsrun.inspect('ends', '{{.Id}}');
  const client = world.tsrun.spawn([
    'exec',
    'ends',
    'sh',
    '-c',
    "trap '' HUP TERM; echo ready; while :; do sleep 0.05; done",
  ]);
  await client.waitFor('ready');
  expectOk(tsrun('stop', '-t', '0', 'ends'));
  assert.equal(await client.ended, { code: 137, stdout: 'ready\n', stderr: '' });
  const { code, stderr } = tsrun('exec', 'ends', 'true');
  assert.is(code, 126);
  assert.match(stderr, `exec ends: container ${ends} is not running\nhint: `);
  assert.is(world.tsrun.inspect('ends', '{{json .ExecIDs}}'), 'null');
  assert.equal(
    readdirSync(world.runRoot).filter((name) => name.startsWith(ends)),
    [],
  );
});

test.run();
