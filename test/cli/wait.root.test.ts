import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openEngine } from '../../src/engine/engine.ts';
import { waitForContainerEnd } from '../../src/engine/wait.ts';
import type { TsrunError } from '../../src/errors/tsrun-error.ts';
import { descriptorsOf, monitorOf } from '../support/monitor-client.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('wait'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const ok = (...words: string[]): string => expectOk(tsrun.run(words));
const detach = (name: string, script: string, ...flags: string[]): string =>
  ok('run', '-d', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script).trim();

/** `wait`, once as many as that are connected to the monitor. */
async function waiting(names: string[], first = names[0]!): Promise<ReturnType<Tsrun['spawn']>> {
  const monitor = monitorOf(tsrun, first);
  const before = descriptorsOf(monitor).length;
  const live = tsrun.spawn(['wait', ...names]);
  await until('its connection', () => descriptorsOf(monitor).length > before);
  return live;
}

test('created: 0 at once; exited: its code at once', () => {
  ok('create', '--name', 'created', tsrun.rootfs, 'true');
  tsrun.run(['run', '--name', 'exited', tsrun.rootfs, 'sh', '-c', 'exit 42']);
  assert.is(ok('wait', 'created', 'exited', 'exited'), '0\n42\n42\n');
});

test('running: until it has ended, the code of a signal, and every waiter hears it', async () => {
  detach('running', 'exec sleep 600');
  const all = [await waiting(['running']), await waiting(['running']), await waiting(['running'])];
  ok('kill', 'running');
  for (const one of all) assert.equal(await one.ended, { code: 0, stdout: '137\n', stderr: '' });
});

test('--rm: the code of one that is gone by then', async () => {
  const id = detach('removed', 'read x; exit 9', '-i', '--rm');
  const one = await waiting(['removed']);
  const client = tsrun.spawn(['attach', 'removed']);
  client.child.stdin!.write('\n');
  assert.is((await one.ended).stdout, '9\n');
  assert.equal(
    tsrun.leftovers([id]).filter((path) => path.includes(id)),
    [],
  );
});

test('several, one of which does not exist: the others are waited for, and the exit code is 1', async () => {
  detach('several-a', 'exec sleep 600');
  detach('several-b', 'exec sleep 600');
  const live = await waiting(['several-a', 'nobody', 'several-b']);
  ok('kill', 'several-b', 'several-a');
  const { code, stdout, stderr } = await live.ended;
  assert.equal([code, stdout], [1, '137\n137\n']);
  assert.match(stderr, /No such container: nobody/);
});

test('the monitor is killed: the end of PID 1 is waited for all the same', async () => {
  detach('lost', 'exec sleep 600');
  const before = await waiting(['lost']);
  process.kill(monitorOf(tsrun, 'lost'), 'SIGKILL');
  const after = tsrun.spawn(['wait', 'lost']);
  let over = false;
  void Promise.race([before.ended, after.ended]).then(() => {
    over = true;
  });
  ok('exec', 'lost', 'true');
  assert.not.ok(over);
  ok('kill', 'lost');
  for (const one of [before, after]) assert.is((await one.ended).stdout, '137\n');
});

test('a stopped monitor: the wait goes on until PID 1 has ended', async () => {
  detach('stopped', 'exec sleep 600');
  const monitor = monitorOf(tsrun, 'stopped');
  process.kill(monitor, 'SIGSTOP');
  const { code, stderr } = tsrun.run(['attach', 'stopped']);
  assert.is.not(code, 0);
  assert.match(stderr, /the monitor of this container does not answer\nhint: is it stopped/);
  const live = tsrun.spawn(['wait', 'stopped']);
  process.kill(monitor, 'SIGCONT');
  ok('kill', 'stopped');
  assert.is((await live.ended).stdout, '137\n');
});

for (const [what, flags] of [
  ['that stays', []],
  ['with --rm', ['--rm']],
] as const) {
  test(`wait × the end of a container ${what}, 100 times: the code, unless it was gone before`, async () => {
    const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
    for (let turn = 0; turn < 5; turn++) {
      const id = detach(`race-${flags.length}-${turn}`, 'exec sleep 600', ...flags);
      const pid = Number(tsrun.inspect(id, '{{.State.Pid}}'));
      const waiters = Array.from({ length: 20 }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, i * 2));
        if (i === 5) process.kill(pid, 'SIGKILL');
        return waitForContainerEnd(engine, id).catch((error: TsrunError) => error.kind);
      });
      const codes = await Promise.all(waiters);
      const said = new Set(flags.length > 0 ? codes.filter((code) => code !== 'not-found') : codes);
      assert.equal([...said], [137]);
      assert.is(codes[0], 137);
    }
  });
}

test.run();
