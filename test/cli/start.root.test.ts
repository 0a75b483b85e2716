import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { descriptorsOf, monitorOf } from '../support/monitor-client.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Live, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('start'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const ok = (...words: string[]): string => expectOk(tsrun.run(words));
const create = (name: string, script: string, ...flags: string[]): string =>
  ok('create', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script).trim();
const inspect = (name: string, field: string): string => tsrun.inspect(name, `{{.State.${field}}}`);

/** `start` with these flags of one that runs, once its monitor has it. */
async function join(name: string, ...flags: string[]): Promise<Live> {
  const monitor = monitorOf(tsrun, name);
  const before = descriptorsOf(monitor).length;
  const live = tsrun.spawn(['start', ...flags, name]);
  await until('its connection', () => descriptorsOf(monitor).length > before + 1);
  return live;
}

test('detached: several, by name and id; one that runs is left alone; one that is not there is told', () => {
  const id = create('one', 'echo up; exec sleep 600');
  create('two', 'exec sleep 600');
  const { code, stdout, stderr } = tsrun.run(['start', 'one', 'nobody', 'two']);
  assert.equal([code, stdout], [1, 'one\ntwo\n']);
  assert.match(stderr, /No such container: nobody/);
  const pid = inspect('one', 'Pid');
  assert.is(ok('start', id.slice(0, 12)), `${id.slice(0, 12)}\n`);
  assert.is(inspect('one', 'Pid'), pid);
});

test('-a: output, error and the exit code; again, on what it wrote before', () => {
  create('attached', 'echo out; echo err >&2; read x || echo no input; echo more >> /f; cat /f; exit 7');
  for (const lines of ['more\n', 'more\nmore\n']) {
    const { code, stdout, stderr } = tsrun.run(['start', '-a', 'attached'], { input: 'not for it\n' });
    assert.equal([code, stdout, stderr], [7, `out\nno input\n${lines}`, 'err\n']);
  }
});

test('-a of two is refused, and starts neither', () => {
  create('first', 'true');
  create('second', 'true');
  const { code, stderr } = tsrun.run(['start', '-a', 'first', 'second']);
  assert.is(code, 1);
  assert.match(stderr, /you cannot start and attach multiple containers at once/);
  assert.equal([inspect('first', 'Status'), inspect('second', 'Status')], ['created', 'created']);
});

test('-a of one that runs attaches; -ai feeds it; both hear its exit code', async () => {
  ok('run', '-di', '--name', 'runs', tsrun.rootfs, 'sh', '-c', 'read x; echo "got $x"; exit 4');
  const listens = await join('runs', '-a');
  const feeds = await join('runs', '-ai');
  feeds.child.stdin!.write('word\n');
  for (const live of [listens, feeds]) assert.equal(await live.ended, { code: 4, stdout: 'got word\n', stderr: '' });
});

test('-a: nobody reads what it writes: it gets EPIPE', async () => {
  create('unread', 'while echo y; do :; done 2>/dev/null; exit 6');
  const live = tsrun.spawn(['start', '-a', 'unread']);
  await live.waitFor('y\n');
  live.child.stdout!.destroy();
  assert.is((await live.ended).code, 6);
});

test('-ai: SIGKILL of the client: the container runs on, its output goes to the log, and start -a has it again', async () => {
  create('survives', 'echo up; while read x; do echo "got $x"; done; exit 3', '-i');
  const live = tsrun.spawn(['start', '-ai', 'survives']);
  await live.waitFor('up');
  live.child.kill('SIGKILL');
  await live.ended;
  const again = await join('survives', '-ai');
  again.child.stdin!.write('word\n');
  await again.waitFor('got word');
  assert.is(ok('logs', 'survives'), 'up\ngot word\n');
  assert.is(inspect('survives', 'Status'), 'running');
});

for (const [what, victims] of [
  ['the monitor, then PID 1', ['monitor', 'first']],
  ['PID 1 and the monitor', ['first', 'monitor']],
] as const) {
  test(`after SIGKILL of ${what} with a client attached it is exited, starts again and is attached to`, async () => {
    const name = `killed-${victims[0]}`;
    ok('run', '-di', '--name', name, tsrun.rootfs, 'sh', '-c', 'while read x; do echo "got $x"; done');
    const client = await join(name, '-ai');
    const pids = { monitor: monitorOf(tsrun, name), first: Number(inspect(name, 'Pid')) };
    process.kill(pids[victims[0]], 'SIGSTOP');
    for (const victim of victims) process.kill(pids[victim], 'SIGKILL');
    await client.ended;
    await until('its end', () => inspect(name, 'Status') === 'exited');
    assert.is(inspect(name, 'ExitCode'), '137');
    ok('start', name);
    const next = await join(name, '-ai');
    next.child.stdin!.write('again\n');
    await next.waitFor('got again');
    const id = tsrun.inspect(name, '{{.Id}}');
    ok('rm', '-f', name);
    assert.equal(
      tsrun.leftovers([id]).filter((path) => path.includes(id)),
      [],
    );
  });
}

test('a container that ends while others attach to it: its end is heard, or it is a stopped container', async () => {
  for (let turn = 0; turn < 5; turn++) {
    const name = `ends-${turn}`;
    ok('run', '-d', '--name', name, tsrun.rootfs, 'sleep', '600');
    const clients = Array.from({ length: 4 }, () => tsrun.spawn(['attach', name]));
    ok('kill', name);
    for (const { ended } of clients) {
      const { code, stderr } = await ended;
      if (code !== 137) assert.match(stderr, /You cannot attach to a stopped container/);
    }
  }
});

test.run();
