import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { SystemCheck } from '../support/system-check.ts';
import { expectOk } from '../support/tsrun.ts';

const test = needs(suite('system check beside other commands'), root(), overlay());
const ROUNDS = 12;
let system: SystemCheck;

test.before(async () => {
  system = await SystemCheck.open();
});
test.after(() => system?.close());

/** `words` again and again, until the checks are done; all that failed. */
async function over(words: (round: number) => string[], done: () => boolean): Promise<string[]> {
  const failures: string[] = [];
  for (let round = 0; !done(); round++) {
    const { code, stderr } = await system.tsrun.spawn(words(round)).ended;
    if (code !== 0) failures.push(`${words(round).join(' ')}: ${code} ${stderr}`);
  }
  return failures;
}

test('containers come, are renamed and go: none is taken for one that was left, and none is touched', async () => {
  const { rootfs } = system.tsrun;
  let done = false;
  const isDone = () => done;
  const others = [
    over(() => ['run', '--rm', rootfs, 'true'], isDone),
    over(
      (round) =>
        [
          ['create', '--name', 'aa', rootfs, 'true'],
          ['rename', 'aa', 'bb'],
          ['rm', 'bb'],
        ][round % 3]!,
      isDone,
    ),
    over(
      (round) =>
        [
          ['run', '--name', 'cc', rootfs, 'true'],
          ['rm', '-f', 'cc'],
        ][round % 2]!,
      isDone,
    ),
  ];
  const said: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { stdout } = await system.tsrun.spawn(['system', 'check', '--fix']).ended;
    if (!stdout.endsWith('0 found, 0 fixed, 0 remain\n')) said.push(stdout);
  }
  done = true;
  assert.equal([...(await Promise.all(others)), said], [[], [], [], []]);
  for (const name of ['aa', 'bb', 'cc']) system.tsrun.run(['rm', '-f', name]);
  system.isClean();
});

test('a container that is started again and again is nothing that was left', () => {
  const { tsrun } = system;
  expectOk(tsrun.run(['run', '-d', '--name', 'again', '--restart', 'always', tsrun.rootfs, 'false']));
  for (let round = 0; round < ROUNDS / 2; round++) system.isClean();
  assert.equal(system.said(system.run('--fix')), []);
  expectOk(tsrun.run(['rm', '-f', 'again']));
  system.isClean();
});

test('two checks mend the same at once', async () => {
  const ids = ['one', 'two', 'three'].map((name) => system.ended(name));
  for (const id of ids) truncateSync(join(system.directory(id), 'container.json'), 0);
  const checks = await Promise.all([0, 1].map(() => system.tsrun.spawn(['system', 'check', '--fix']).ended));
  for (const { code, stderr } of checks) assert.ok(code < 2, stderr);
  system.isClean();
});

test('a data root that is read-only: what is found is said, and why it stays', () => {
  const { dataRoot } = system.tsrun;
  const id = system.ended('stays');
  truncateSync(join(system.directory(id), 'container.json'), 0);
  const mount = (...words: string[]) => assert.is(spawnSync('mount', words).status, 0);
  mount('--bind', dataRoot, dataRoot);
  try {
    mount('-o', 'remount,bind,ro', dataRoot);
    const what = `record data/containers/${id}`;
    assert.equal(system.said(system.run()), [what]);
    assert.match(system.remains(what).findings[0]?.error ?? '', 'EROFS');
  } finally {
    spawnSync('umount', [dataRoot]);
  }
  system.isFixed(`record data/containers/${id}`);
  expectOk(system.tsrun.run(['ps']));
});

test.run();
