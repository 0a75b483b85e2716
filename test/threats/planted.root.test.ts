import { spawnSync } from 'node:child_process';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(
  suite('what is planted in the place of files of ours'),
  root(),
  overlay(),
  tool('mkfifo'),
  tool('mknod'),
);
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const ok = (...words: string[]): string => expectOk(tsrun.run(words)).trim();
/** As a container can that was given its own directory. */
function plant(id: string, ...names: string[]): void {
  const paths = names.map((name) => join(tsrun.dataRoot, 'containers', id, name));
  for (const path of paths) spawnSync('rm', ['-f', path]);
  const { status, stderr } = spawnSync('mkfifo', paths, { encoding: 'utf8' });
  assert.is(status, 0, stderr);
}
const remove = (id: string): void => {
  ok('rm', '-f', id);
  assert.equal(tsrun.leftovers([id]), []);
};

test('the monitor waits for nobody who might read: its container is checked, ends, is started again', async () => {
  const flags = ['--restart', 'always', '--health-cmd', 'echo >> /checks', '--health-interval', '20ms'];
  const id = ok('run', '-d', '--name', 'kept', ...flags, tsrun.rootfs, 'sleep', '600');
  plant(id, 'health.json.tmp', 'restarting', 'restarts', 'exit.tmp');
  const checks = (): number =>
    Number(ok('exec', 'kept', 'sh', '-c', 'n=0; while read l; do n=$((n+1)); done < /checks; echo $n'));
  await until('a check', () => tsrun.run(['exec', 'kept', 'cat', '/checks']).code === 0);
  const before = checks();
  await until('more checks', () => checks() > before + 1);
  const first = tsrun.inspect('kept', '{{.State.Pid}}');
  ok('exec', 'kept', 'sh', '-c', 'rm /checks');
  process.kill(Number(first), 'SIGKILL');
  await until('another first process', () => !['0', first].includes(tsrun.inspect('kept', '{{.State.Pid}}')));
  ok('stop', '-t', '0', 'kept');
  assert.is(tsrun.inspect('kept', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137');
  remove(id);
});

test('commands wait for nobody who might write: stop, restart, inspect, exec, start, rm -f', () => {
  const id = ok('run', '-d', '--name', 'asked', '--restart', 'on-failure', tsrun.rootfs, 'sleep', '600');
  plant(id, 'stopped');
  ok('restart', '-t', '0', 'asked');
  plant(id, 'stopped');
  ok('stop', '-t', '0', 'asked');
  ok('start', 'asked');
  plant(id, 'config.json');
  for (const words of [
    ['exec', 'asked', 'true'],
    ['inspect', 'asked'],
    ['stop', '-t', '0', 'asked'],
    ['start', 'asked'],
  ])
    assert.match(`${tsrun.run(words).code}`, /^(0|1|125|126)$/, words.join(' '));
  plant(id, 'config.json', 'stopped');
  remove(id);
});

test('a device that has no end, or a file that is too long, is read by nobody; others are listed', () => {
  const other = ok('run', '-d', '--name', 'other', tsrun.rootfs, 'sleep', '600');
  for (const name of ['container.json', 'config.json', 'started', 'health.json']) {
    const id = ok('run', '-d', '--name', 'spoilt', '--health-cmd', 'true', tsrun.rootfs, 'sleep', '600');
    const path = join(tsrun.dataRoot, 'containers', id, name);
    rmSync(path, { force: true });
    assert.is(spawnSync('mknod', [path, 'c', '1', '5']).status, 0);
    const seen = () => ok('ps', '-aq', '--no-trunc').split('\n');
    assert.ok(seen().includes(other), name);
    assert.match(`${tsrun.run(['exec', 'spoilt', 'true']).code}`, /^(0|1|125|126)$/, name);
    rmSync(path);
    writeFileSync(path, '');
    truncateSync(path, 1 << 30);
    assert.ok(seen().includes(other), name);
    ok('rm', '-f', id);
    assert.equal(
      tsrun.leftovers([id]).filter((left) => left.includes(id)),
      [],
      name,
    );
  }
  remove(other);
});

test.run();
