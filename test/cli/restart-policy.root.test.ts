import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processBirth } from '../../src/kernel/procfs.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('restart policies'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

const ok = (...words: string[]): string => expectOk(tsrun.run(words)).trim();
const detached = (name: string, policy: string, script: string, ...flags: string[]): string =>
  ok('run', '-d', '--name', name, '--restart', policy, ...flags, tsrun.rootfs, 'sh', '-c', script);
const state = (name: string): string => tsrun.inspect(name, '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}');
const linesOf = (name: string): string[] => ok('logs', name).split(/\r?\n/).filter(Boolean);
const remove = (name: string, id: string): void => {
  ok('rm', '-f', name);
  assert.equal(tsrun.leftovers([id]), []);
};

test('on-failure: as often as it says, then it has ended with the code of the last', async () => {
  const id = detached('often', 'on-failure:2', 'echo run; exit 7');
  await until('the last of three ends', () => state('often') === 'exited 7 2');
  assert.equal(linesOf('often'), ['run', 'run', 'run']);
  assert.equal(
    tsrun.leftovers([id]).filter((path) => path.includes('/cgroup/')),
    [],
  );
  remove('often', id);
});

test('its end tells how long the last run was, and it runs again with the time of its last end', async () => {
  const script = 'if [ -e /first ]; then until [ -e /go ]; do sleep 0.02; done; else >/first; sleep 2.1; fi; exit 7';
  const id = detached('told', 'on-failure:1', script);
  await until('its second run', () => state('told') === 'running 0 1');
  assert.match(tsrun.inspect('told', '{{.State.FinishedAt}}'), /^20/);
  ok('exec', 'told', 'touch', '/go');
  await until('its end', () => state('told') === 'exited 7 1');
  const filters = ['-f', `container=${id}`, '-f', 'event=die', '--format', '{{.Actor.Attributes.execDuration}}'];
  const [first = '', second = ''] = ok('events', '--since', '1m', '--until', '0s', ...filters).split('\n');
  assert.match(`${first} ${second}`, /^[0-9]+ [0-9]+$/);
  assert.ok(Number(first) >= 2 && Number(second) < Number(first), `${first} s, then ${second} s`);
  remove('told', id);
});

test('on-failure: not after a success', async () => {
  const id = detached('success', 'on-failure', 'echo run; exit 0');
  await until('its end', () => state('success') === 'exited 0 0');
  remove('success', id);
});

test('always: after a success, too, until somebody stops it; start begins to count anew', async () => {
  const id = detached('always', 'always', 'echo run; sleep 0.05; exit 0');
  await until('some runs', () => linesOf('always').length > 2);
  assert.is(ok('stop', 'always'), 'always');
  assert.match(state('always'), /^exited \d+ [1-9]/);
  const runs = linesOf('always').length;
  ok('start', 'always');
  await until('more runs', () => linesOf('always').length > runs + 1);
  remove('always', id);
});

test('stop, at whatever moment of its coming and going: it stays so', () => {
  const id = detached('busy', 'always', 'exit 1');
  for (let round = 0; round < 20; round++) {
    ok('stop', 'busy');
    assert.match(state('busy'), /^exited /, `round ${round}`);
    ok('start', 'busy');
  }
  remove('busy', id);
});

test('a running one: stop ends it for good, kill with another signal does not', async () => {
  const id = detached('stopped', 'unless-stopped', 'trap "exit 3" HUP; echo ready; while :; do sleep 0.1; done');
  const pid = () => Number(tsrun.inspect('stopped', '{{.State.Pid}}'));
  await until('it to be ready', () => linesOf('stopped').length === 1);
  const first = pid();
  ok('kill', '-s', 'HUP', 'stopped');
  await until('it to be there again', () => linesOf('stopped').length === 2 && pid() > 0 && pid() !== first);
  assert.match(state('stopped'), /^running 0 1$/);
  assert.is(ok('exec', 'stopped', 'echo', 'inside'), 'inside');
  ok('stop', '-t', '1', 'stopped');
  assert.match(state('stopped'), /^exited (137|143) 1$/);
  remove('stopped', id);
});

test('between two runs it is restarting: ps, inspect and attach say so, rm refuses, stop and rm -f do not wait for it', async () => {
  const id = detached('pausing', 'always', 'exit 5');
  const restarting = () => until('a pause', () => tsrun.inspect('pausing', '{{.State.Restarting}}') === 'true');
  await until('a longer pause', () => Number(tsrun.inspect('pausing', '{{.RestartCount}}')) >= 4);
  await restarting();
  assert.match(ok('ps', '--format', '{{.Status}}', '--filter', 'name=pausing'), /^Restarting \(5\) .* ago$/);
  assert.is(tsrun.inspect('pausing', '{{.State.Running}} {{.State.Status}} {{.State.Pid}}'), 'true restarting 0');
  assert.match(tsrun.run(['attach', 'pausing']).stderr, /cannot attach to a restarting container/);
  assert.match(tsrun.run(['rm', 'pausing']).stderr, /pausing/);
  for (const verb of ['top', 'pause']) {
    const { code, stderr } = tsrun.run([verb, 'pausing']);
    assert.is(code, 1);
    assert.match(stderr, 'Container pausing is restarting, wait until the container is running');
  }
  assert.is(ok('kill', '-s', 'HUP', 'pausing'), 'pausing');
  assert.is(tsrun.inspect('pausing', '{{.State.Running}}'), 'true', 'that is not the end of it');
  await restarting();
  assert.is(ok('kill', 'pausing'), 'pausing');
  assert.match(state('pausing'), /^exited (5|137) /);
  assert.is(tsrun.run(['kill', 'pausing']).code, 1);
  ok('start', 'pausing');
  await restarting();
  ok('stop', 'pausing');
  assert.match(state('pausing'), /^exited 5 /);
  ok('start', 'pausing');
  await restarting();
  remove('pausing', id);
});

test('with a terminal and with --init: the new run has its own, and the old one’s descriptors are closed', async () => {
  const id = detached('terminal', 'always', 'echo ready $$; tty; exit 1', '-t', '-i', '--init');
  const monitor = () => JSON.parse(readFileSync(`${tsrun.runRoot}/${id}/state.json`, 'utf8')).monitor.pid as number;
  const files = () => readdirSync(`/proc/${monitor()}/fd`).length;
  await until('three runs', () => linesOf('terminal').length >= 6);
  await until('a pause', () => tsrun.inspect('terminal', '{{.State.Restarting}}') === 'true');
  const before = files();
  const runs = Number(tsrun.inspect('terminal', '{{.RestartCount}}'));
  await until('another pause', () => state('terminal') === `restarting 1 ${runs + 1}`);
  assert.is(files(), before);
  const lines = linesOf('terminal');
  assert.equal(
    lines.filter((line) => !/^(ready \d+|\/dev\/pts\/0)$/.test(line)),
    [],
  );
  remove('terminal', id);
});

test('in the foreground: the command ends with the first run, the container goes on without it', async () => {
  const { code, stdout } = tsrun.run([
    'run',
    '--name',
    'front',
    '--restart',
    'on-failure:3',
    tsrun.rootfs,
    'sh',
    '-c',
    'echo once; exit 4',
  ]);
  assert.is(code, 4);
  assert.is(stdout, 'once\n');
  await until('the others', () => state('front') === 'exited 4 3');
  assert.is(linesOf('front').length, 4);
  remove('front', tsrun.inspect('front', '{{.Id}}'));
});

test('wait hears the end of the run that it came for', async () => {
  const id = detached('waited', 'on-failure:5', 'sleep 0.3; exit 9');
  assert.is(ok('wait', 'waited'), '9');
  remove('waited', id);
});

test('the monitor killed while it waits: the container has ended, and can be started', async () => {
  const id = detached('orphan', 'always', 'exit 5');
  await until('a longer pause', () => Number(tsrun.inspect('orphan', '{{.RestartCount}}')) >= 3);
  await until('a pause', () => tsrun.inspect('orphan', '{{.State.Restarting}}') === 'true');
  const { pid } = JSON.parse(readFileSync(`${tsrun.runRoot}/${id}/state.json`, 'utf8')).monitor;
  process.kill(pid, 'SIGKILL');
  await until('its end', () => 'ZX'.includes(processBirth(pid)?.state ?? 'X'));
  assert.match(state('orphan'), /^exited 5 /);
  ok('start', 'orphan');
  remove('orphan', id);
});

test.run();
