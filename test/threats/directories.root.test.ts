import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { treeState } from '../support/tree-state.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('permissions'), root(), overlay());
const NOBODY = 65534;
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

const foreign: [what: string, spoil: (path: string) => void, message: RegExp][] = [
  ['belongs to another user', (path) => chownSync(path, NOBODY, NOBODY), /belongs to user 65534\nhint: .*chown/],
  ['its group can write to', (path) => chmodSync(path, 0o770), /others can write to this directory\nhint: .*go-w/],
  ['all can write to', (path) => chmodSync(path, 0o777), /others can write to this directory\nhint: /],
];

for (const [what, spoil, message] of foreign)
  for (const [name, setting] of [
    ['a run directory', 'TSRUN_RUN'],
    ['a data root', 'TSRUN_ROOT'],
  ] as const)
    test(`permissions (CVE-2024-25621): ${name} that ${what} is refused by all that acts on it`, () => {
      const path = mkdtempSync(join(tsrun.directory, 'foreign-'));
      spoil(path);
      const before = treeState(path, { times: false });
      for (const words of [
        ['run', '--rm', tsrun.rootfs, 'true'],
        ['exec', 'x', 'true'],
        ['rm', '-f', 'x'],
      ]) {
        const { code, stderr } = tsrun.run(words, { env: { [setting]: path } });
        assert.is(code, words[0] === 'rm' ? 1 : 125, `${words} ${stderr}`);
        assert.match(stderr, message);
        assert.ok(stderr.includes(path), stderr);
      }
      assert.is(treeState(path, { times: false }), before, 'nothing is made in it, and its mode is not ours to change');
      rmSync(path, { recursive: true });
    });

test('permissions: start believes no foreign run directory', async () => {
  assert.is(tsrun.run(['run', '--name', 'ended', tsrun.rootfs, 'true']).code, 0);
  chmodSync(tsrun.runRoot, 0o777);
  const { code, stderr } = tsrun.run(['start', '-a', 'ended']);
  chmodSync(tsrun.runRoot, 0o700);
  assert.is(code, 125);
  assert.match(stderr, /others can write/);
  assert.is(tsrun.run(['start', '-a', 'ended']).code, 0);
  assert.is(tsrun.run(['rm', 'ended']).code, 0);
});

test('permissions: a run directory that is a link is refused, a data root only when another set it', () => {
  const [target, link] = [join(tsrun.directory, 'target'), join(tsrun.directory, 'link')];
  mkdirSync(target, { mode: 0o700 });
  symlinkSync(target, link);
  const run = (setting: string) => tsrun.run(['run', '--rm', tsrun.rootfs, 'echo', 'x'], { env: { [setting]: link } });
  assert.match(run('TSRUN_RUN').stderr, /not a directory/);
  assert.is(run('TSRUN_ROOT').stdout, 'x\n');
  lchownSync(link, NOBODY, NOBODY);
  assert.match(run('TSRUN_ROOT').stderr, /not a directory/);
});

test('permissions: a data root like /tmp will do, when what is in it is ours', () => {
  const shared = mkdtempSync(join(tsrun.directory, 'shared-'));
  chmodSync(shared, 0o1777);
  const run = () => tsrun.run(['run', '--rm', tsrun.rootfs, 'echo', 'x'], { env: { TSRUN_ROOT: shared } });
  assert.is(run().stdout, 'x\n');
  for (const name of ['containers', 'names', 'overlay2']) {
    chownSync(join(shared, name), NOBODY, NOBODY);
    assert.match(run().stderr, /belongs to user 65534/);
    chownSync(join(shared, name), 0, 0);
  }
});

test.run();
