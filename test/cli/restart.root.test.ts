import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('restart'), root(), overlay());
/** Says how often it has been started, and then how it is asked to end. */
const COUNTS =
  'echo x >> /starts; trap "echo asked >> /starts; exit 3" TERM USR1; echo > /ready; while :; do sleep 0.02; done';
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const pid = (name: string): number => Number(tsrun.inspect(name, '{{.State.Pid}}'));
const starts = (name: string): string => expectOk(tsrun.run(['exec', name, 'cat', '/starts'])).replaceAll('\n', ' ');
async function detached(name: string, script = COUNTS, flags: string[] = []): Promise<number> {
  expectOk(tsrun.run(['run', '-d', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script]));
  await ready(name);
  return pid(name);
}
const ready = (name: string) => until(`${name} is ready`, () => tsrun.run(['exec', name, 'rm', '/ready']).code === 0);

test('a running one is asked to end, and runs again, on what it wrote before', async () => {
  const first = await detached('again');
  assert.equal(tsrun.run(['restart', 'again']), { code: 0, stdout: 'again\n', stderr: '' });
  await ready('again');
  assert.is(starts('again'), 'x asked x ');
  assert.is.not(pid('again'), first);
  assert.equal(tsrun.run(['restart', '-s', 'USR1', '-t', '5', 'again']), { code: 0, stdout: 'again\n', stderr: '' });
  await ready('again');
  assert.is(starts('again'), 'x asked x asked x ');
  const stopped = join(tsrun.dataRoot, 'containers', tsrun.inspect('again', '{{.Id}}'), 'stopped');
  assert.not(existsSync(stopped), 'who restarts it wants it to run');
});

test('one that has ended, or was never started, is started', async () => {
  expectOk(tsrun.run(['stop', 'again']));
  expectOk(tsrun.run(['create', '--name', 'new', tsrun.rootfs, 'sleep', '600']));
  assert.equal(tsrun.run(['restart', 'again', 'nobody', 'new']).stdout, 'again\nnew\n');
  await ready('again');
  assert.is(starts('again'), 'x asked x asked x asked x ');
  assert.is(tsrun.inspect('new', '{{.State.Status}}'), 'running');
});

test('a running one says when it ended before', async () => {
  const finished = (): string => tsrun.inspect('again', '{{.State.FinishedAt}}');
  expectOk(tsrun.run(['stop', 'again']));
  const before = finished();
  assert.match(before, /^20/);
  for (const verb of ['start', 'restart']) {
    expectOk(tsrun.run([verb, 'again']));
    assert.is(tsrun.inspect('again', '{{.State.Status}}'), 'running');
    if (verb === 'start') assert.is(finished(), before);
    else assert.ok(finished() > before, 'the end of the run that restart has stopped');
    await ready('again');
  }
});

test('-t 0 does not ask; what would not hear it is told once', async () => {
  assert.equal(tsrun.run(['restart', '-t', '0', 'again']).code, 0);
  const { code, stderr } = tsrun.run(['restart', 'new']);
  assert.is(code, 0);
  assert.match(stderr, 'tsrun: warning: restart new: its first process does nothing about SIGTERM');
});

test('one that is paused wakes up for it', async () => {
  expectOk(tsrun.run(['pause', 'new']));
  assert.is(tsrun.run(['restart', 'new']).code, 0);
  assert.is(tsrun.inspect('new', '{{.State.Status}}'), 'running');
});

test('one with --rm stays for that, and goes when it ends', async () => {
  const first = await detached('passing', COUNTS, ['--rm']);
  const id = tsrun.inspect('passing', '{{.Id}}');
  assert.equal(tsrun.run(['restart', 'passing']), { code: 0, stdout: 'passing\n', stderr: '' });
  await ready('passing');
  assert.is.not(pid('passing'), first);
  assert.is(tsrun.inspect('passing', '{{.Id}}'), id);
  assert.is(starts('passing'), 'x asked x ');
  assert.is(tsrun.run(['stop', 'passing']).code, 0);
  assert.match(tsrun.run(['inspect', 'passing']).stderr, 'passing');
  assert.equal(
    tsrun.leftovers([id]).filter((path) => path.includes(id)),
    [],
  );
});

test('the restart is among the events', () => {
  const since = ['--since', '1', '--until', String(Math.floor(Date.now() / 1000) + 1)];
  const { stdout } = tsrun.run(['events', ...since, '--filter', 'container=new', '--format', '{{.Action}}']);
  assert.match(stdout, /kill\ndie\nstop\nstart\nrestart\n/);
});

test.run();
