import { mkdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Outcome, openTsrun, type Tsrun } from '../support/tsrun.ts';
import { CLEAR, UNCLEAR } from './aftermath.ts';
import { Disk } from './small-disk.ts';

const test = needs(suite('a data root that takes no more'), root(), overlay());
let tsrun: Tsrun;
let disk: Disk;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());
test.before.each(() => {
  mkdirSync(tsrun.dataRoot, { recursive: true });
  disk = new Disk(tsrun.dataRoot, 'size=1m');
  expectOk(tsrun.run(['run', '--name', 'other', tsrun.rootfs, 'sh', '-c', 'echo mine > /f; exit 3']), 3);
});
test.after.each(() => {
  for (const id of tsrun.ids()) tsrun.run(['rm', '-f', id]);
  disk.close();
});

const stateOf = (name: string): string => tsrun.inspect(name, '{{.State.Status}} {{.State.ExitCode}}');
const clear = ({ code, stderr }: Outcome, what = ''): void =>
  assert.ok(
    code !== 0 && CLEAR.test(stderr) && !UNCLEAR.test(stderr) && /ENOSPC|EROFS/.test(stderr),
    `${what} ${code} ${stderr}`,
  );

test('each file of a container is the first that finds no room: run fails and leaves nothing, or works', () => {
  const before = tsrun.leftovers([]);
  let failures = 0;
  for (let free = 0; ; free++) {
    disk.leaveInodes(free);
    const outcome = tsrun.run(['run', '--name', 'new', tsrun.rootfs, 'sh', '-c', 'echo x > /f']);
    if (outcome.code === 0) break;
    failures++;
    // The command itself finds no room for its file: that is its own affair.
    if (outcome.code !== 2) {
      clear(outcome, `${free} free`);
      assert.equal(tsrun.leftovers([]), before, `${free} free`);
    } else expectOk(tsrun.run(['rm', 'new']));
    assert.is(stateOf('other'), 'exited 3');
  }
  assert.ok(failures > 15, `${failures}`);
  assert.is(stateOf('new'), 'exited 0');
});

test('it is full when a container ends: how it ended is known all the same, and rm needs no room', async () => {
  const { child, ended } = await tsrun.container('filler', 'echo ready; read line; exit 7', ['-i']);
  disk.leaveNothing();
  child.stdin?.end('\n');
  assert.is((await ended).code, 7);
  assert.is(stateOf('filler'), 'exited 7');
  assert.is(tsrun.leftovers([]).filter((path) => path.startsWith(tsrun.runRoot)).length, 1);
  expectOk(tsrun.run(['rm', 'filler']));
  assert.equal(
    tsrun.leftovers([]).filter((path) => path.startsWith(tsrun.runRoot)),
    [],
  );
  assert.is(stateOf('other'), 'exited 3');
});

test('it is full when a container is removed that is to be started again whatever happens: rm -f needs no room', () => {
  const kept = tsrun.ids();
  expectOk(tsrun.run(['run', '-d', '--restart', 'always', '--name', 'again', tsrun.rootfs, 'sleep', '600']));
  const [id] = tsrun.ids().filter((one) => !kept.includes(one));
  disk.leaveNothing();
  clear(tsrun.run(['stop', '-t', '0', 'again']), 'its end cannot be noted');
  assert.is(stateOf('again'), 'running 0');
  expectOk(tsrun.run(['rm', '-f', 'again']));
  assert.equal(tsrun.ids(), kept);
  assert.equal(
    tsrun.leftovers([id!]).filter((path) => path.includes(id!)),
    [],
  );
});

test('it is full when a container is started, stopped, renamed: said, or done; nothing is lost', async () => {
  await tsrun.container('runs');
  disk.leaveNothing();
  for (const words of [
    ['start', '-a', 'other'],
    ['rename', 'other', 'another'],
    ['create', tsrun.rootfs, 'true'],
  ]) {
    const outcome = tsrun.run(words);
    if (outcome.code !== 0 && outcome.code !== 3) clear(outcome, words[0]);
    assert.match(expectOk(tsrun.run(['ps', '-a', '--format', '{{.Names}} {{.State}}'])), /other exited/);
  }
  expectOk(tsrun.run(['exec', 'runs', 'true']));
  expectOk(tsrun.run(['stop', '-t', '0', 'runs']));
  assert.is(stateOf('runs'), 'exited 137');
  disk.leaveAll();
  const name = tsrun.run(['inspect', 'other']).code === 0 ? 'other' : 'another';
  expectOk(tsrun.run(['start', '-a', name]), 3);
  assert.match(expectOk(tsrun.run(['diff', name])), 'A /f');
});

test('it has become read-only: what reads answers, what writes says so, and nothing is lost', () => {
  disk.remount('ro');
  for (const words of [
    ['ps', '-a'],
    ['inspect', 'other'],
    ['diff', 'other'],
    ['logs', 'other'],
  ])
    expectOk(tsrun.run(words));
  for (const words of [
    ['run', tsrun.rootfs, 'true'],
    ['create', tsrun.rootfs, 'true'],
    ['start', '-a', 'other'],
    ['rename', 'other', 'another'],
    ['rm', 'other'],
    ['rm', '-f', 'other'],
  ])
    clear(tsrun.run(words), words.join(' '));
  disk.remount('rw');
  assert.is(stateOf('other'), 'exited 3');
  expectOk(tsrun.run(['start', '-a', 'other']), 3);
  expectOk(tsrun.run(['rm', 'other']));
  assert.equal(tsrun.leftovers([]), []);
});

test.run();
