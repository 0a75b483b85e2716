import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('health checks'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

interface Health {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}

const ok = (...words: string[]): string => expectOk(tsrun.run(words)).trim();
const OFTEN = ['--health-interval', '20ms'];
const checked = (name: string, check: string, flags: readonly string[] = OFTEN, script = 'exec sleep 600'): string =>
  ok('run', '-d', '--name', name, '--health-cmd', check, ...flags, tsrun.rootfs, 'sh', '-c', script);
const healthOf = (name: string): Health => JSON.parse(tsrun.inspect(name, '{{json .State.Health}}'));
const statusOf = (name: string): string => ok('ps', '--format', '{{.Status}}', '--filter', `name=${name}`);
const becomes = (name: string, status: string): Promise<void> =>
  until(
    () => `${name} to be ${status}: ${JSON.stringify(healthOf(name))}`,
    () => healthOf(name).Status === status,
  );
const remove = (name: string, id: string): void => {
  ok('rm', '-f', name);
  assert.equal(tsrun.leftovers([id]), []);
};
const eventsOf = (id: string): string[] =>
  readFileSync(`${tsrun.runRoot}/events.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((event) => event.id === id && String(event.status).startsWith('health'))
    .map((event) => event.status);
const monitorOf = (id: string): number =>
  JSON.parse(readFileSync(`${tsrun.runRoot}/${id}/state.json`, 'utf8')).monitor.pid;

test('unhealthy after so many failures, healthy after one success: ps, inspect, events, filters', async () => {
  const id = checked('web', 'cat /no 2>&1; echo "said"; test -e /well', [...OFTEN, '--health-retries', '2']);
  await becomes('web', 'unhealthy');
  const { FailingStreak, Log } = healthOf('web');
  assert.ok(FailingStreak >= 2);
  assert.is(Log.at(-1)!.ExitCode, 1);
  assert.match(Log.at(-1)!.Output, /No such file.*\nsaid\n$/);
  assert.match(statusOf('web'), /^Up .* \(unhealthy\)$/);
  ok('exec', 'web', 'touch', '/well');
  await becomes('web', 'healthy');
  assert.is(healthOf('web').FailingStreak, 0);
  assert.match(statusOf('web'), /^Up .* \(healthy\)$/);
  assert.is(ok('ps', '-q', '--no-trunc', '--filter', 'health=healthy'), id);
  assert.is(ok('ps', '-q', '--filter', 'health=unhealthy'), '');
  assert.equal(eventsOf(id), ['health_status: unhealthy', 'health_status: healthy']);
  ok('stop', '-t', '0', 'web');
  assert.is(healthOf('web').Status, 'unhealthy', 'one that does not run is not well');
  assert.equal(eventsOf(id).length, 2, 'the end is no failure of the check');
  remove('web', id);
});

test('the first check comes an interval after the start; until then it is starting', () => {
  const id = checked('young', 'true', ['--health-interval', '1h']);
  assert.equal(healthOf('young'), { Status: 'starting', FailingStreak: 0, Log: [] });
  assert.match(statusOf('young'), /^Up .* \(health: starting\)$/);
  assert.is(ok('ps', '-q', '--no-trunc', '--filter', 'health=starting'), id);
  remove('young', id);
});

test('in the start period failures do not count, and the start interval holds until there is a success', async () => {
  const flags = ['--health-start-period', '1h', '--health-start-interval', '10ms', '--health-interval', '1h'];
  const id = checked('slow', 'test -e /well', [...flags, '--health-retries', '1']);
  await until('some failures', () => healthOf('slow').Log.length === 5);
  assert.is(healthOf('slow').Status, 'starting');
  assert.is(healthOf('slow').FailingStreak, 0);
  ok('exec', 'slow', 'touch', '/well');
  await becomes('slow', 'healthy');
  assert.equal(
    healthOf('slow').Log.map(({ ExitCode }) => ExitCode),
    [1, 1, 1, 1, 0],
    'the next is an hour away',
  );
  remove('slow', id);
});

test('a check that takes too long is killed, with what it has said', async () => {
  const flags = [...OFTEN, '--health-timeout', '150ms', '--health-retries', '1'];
  const id = checked('late', 'echo begun; sleep 599; echo over', flags);
  await becomes('late', 'unhealthy');
  const said = ({ ExitCode, Output }: Health['Log'][number]): boolean =>
    ExitCode === -1 && Output === 'Health check exceeded timeout (150ms): begun\n';
  await until('one that had the time to say something', () => healthOf('late').Log.some(said));
  await until('several', () => healthOf('late').Log.length === 5);
  // sh and sleep, of one or two; on a busy machine one more may be about to die, but they do not pile up
  await until('no more than two', () => (ok('top', 'late', '-eo', 'pid,args').match(/sleep 599/g) ?? []).length <= 4);
  remove('late', id);
});

test('of much output the beginning is kept, as text, and the check is not held up', async () => {
  const flood = 'i=0; while [ $i -lt 400 ]; do printf "\\377\\001\\"%0300d" $i; i=$((i+1)); done';
  const id = checked('loud', flood, OFTEN);
  await becomes('loud', 'healthy');
  const { Output } = healthOf('loud').Log[0]!;
  assert.ok(Output.startsWith('\ufffd\u0001"000'), JSON.stringify(Output.slice(0, 9)));
  assert.ok(Output.endsWith('...'));
  assert.is(Output.length, 4096 + 3);
  remove('loud', id);
});

test('it is the container’s user, environment and directory; nothing is open but 0, 1 and 2', async () => {
  const flags = [...OFTEN, '--user', '1234:5678', '-w', '/tmp', '-e', 'WORD=a b'];
  const script = 'id -u; id -g; pwd; echo "$WORD"; ls /proc/self/fd; readlink /proc/self/fd/0; cat';
  const id = checked('like', script, flags);
  await becomes('like', 'healthy');
  const said = healthOf('like').Log[0]!.Output.trim().split('\n');
  assert.equal(said.slice(0, 4), ['1234', '5678', '/tmp', 'a b']);
  assert.equal(said.slice(4, -1), ['0', '1', '2', '3'], 'the last is the directory that ls reads');
  assert.is(said.at(-1), '/dev/null');
  remove('like', id);
});

test('one that cannot be executed has failed, and says why', async () => {
  const id = checked('shellless', 'true', [...OFTEN, '--health-retries', '1']);
  await becomes('shellless', 'healthy');
  ok('exec', 'shellless', 'mv', '/bin/sh', '/bin/gone');
  await becomes('shellless', 'unhealthy');
  const { ExitCode, Output } = healthOf('shellless').Log.at(-1)!;
  assert.equal([ExitCode, Output], [-1, 'the health check was not executed: ENOENT no such file or directory']);
  ok('exec', 'shellless', 'mv', '/bin/gone', '/bin/sh');
  await becomes('shellless', 'healthy'); // what failed has left nothing in the job that they all have
  remove('shellless', id);
});

test('one that runs ends with the container, and does not hold it up', async () => {
  const id = checked('ending', 'touch /begun; sleep 598', ['--health-interval', '1ms']);
  await until('a check', () => tsrun.run(['exec', 'ending', 'cat', '/begun']).code === 0);
  const before = performance.now();
  remove('ending', id);
  assert.ok(performance.now() - before < 5000);
  assert.equal(eventsOf(id), []);
});

test('with a restart policy the next run begins with starting', async () => {
  const flags = [...OFTEN, '--health-retries', '1', '--restart', 'always', '--init'];
  const id = checked('again', 'test ! -e /sick', flags, 'trap "exit 1" HUP; while :; do sleep 0.05; done');
  await becomes('again', 'healthy');
  ok('exec', 'again', 'touch', '/sick');
  await becomes('again', 'unhealthy');
  ok('exec', 'again', 'rm', '/sick');
  await becomes('again', 'healthy');
  ok('kill', '-s', 'HUP', 'again');
  await until('the next run', () => tsrun.inspect('again', '{{.RestartCount}} {{.State.Running}}') === '1 true');
  await becomes('again', 'healthy');
  assert.equal(eventsOf(id).slice(-1), ['health_status: healthy']);
  assert.ok(eventsOf(id).length === 4, `a new run becomes healthy once more: ${eventsOf(id).join()}`);
  remove('again', id);
});

test('while it is paused nothing is checked and nothing fails', async () => {
  const id = checked('paused', 'sleep 0.01', [
    '--health-interval',
    '1ms',
    '--health-timeout',
    '1s',
    '--health-retries',
    '1',
  ]);
  await becomes('paused', 'healthy');
  ok('pause', 'paused');
  const before = healthOf('paused').Log.at(-1)!.Start;
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than a check may take: that nothing happens has no event
  assert.ok(healthOf('paused').Log.every(({ ExitCode }) => ExitCode === 0));
  ok('unpause', 'paused');
  await until('another check', () => healthOf('paused').Log.at(-1)!.Start > before);
  await becomes('paused', 'healthy');
  assert.equal(eventsOf(id), ['health_status: healthy']);
  remove('paused', id);
});

test('without a check there is nothing: no Health, no file, no descriptor', () => {
  const id = ok('run', '-d', '--name', 'plain', '--no-healthcheck', tsrun.rootfs, 'sleep', '600');
  assert.is(tsrun.inspect('plain', '{{json .State}}').includes('Health'), false);
  assert.match(statusOf('plain'), /^Up [^(]*$/);
  assert.is(ok('ps', '-q', '--no-trunc', '--filter', 'health=none'), id);
  const files = readdirSync(`/proc/${monitorOf(id)}/fd`).map((fd) => readlinkSync(`/proc/${monitorOf(id)}/fd/${fd}`));
  assert.equal(
    files.filter((path) => /tsrun-(probe|init)/.test(path)),
    [],
  );
  remove('plain', id);
});

test('nobody waits for a filter that means nothing', () => {
  const { code, stderr } = tsrun.run(['ps', '--filter', 'health=ill']);
  assert.is(code, 1);
  assert.match(stderr, /invalid filter 'health=ill'/);
});

test.run();
