import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import type { Outcome } from '../support/tsrun.ts';
import { World } from '../support/world.ts';

const test = needs(suite('run: file systems that cannot carry it'), root(), overlay(), tool('cc'));
let world: World;
const mounted: string[] = [];
test.before(async () => {
  world = await World.open();
});
test.after(async () => {
  for (const path of mounted.reverse()) world.host('umount', path);
  await world?.close();
});

/** A file system of its own for a data root, gone with the tests. */
function mount(name: string, ...words: string[]): string {
  const path = join(world.dir, name);
  mkdirSync(path);
  world.host('mount', ...words, path);
  mounted.push(path);
  return path;
}

/** 99 is a leaked process. */
const runOn = (dataRoot: string): Outcome =>
  world.tsrun.run(['--data-root', dataRoot, 'run', '--rm', world.rootfs, 'true'], { through: [world.probe, 'watch'] });
const state = (dataRoot: string): string => world.host('find', dataRoot, world.runRoot, '-printf', '%y %m %U:%G %P\\n');
const vfat = { ok: /\tvfat$/m.test(readFileSync('/proc/filesystems', 'utf8')), reason: 'this kernel has no vfat' };

test('a data root on a full file system (ENOSPC), at whichever moment it is full', () => {
  const path = mount('full', '-t', 'tmpfs', '-o', 'size=400k', 'test');
  assert.is(runOn(path).code, 0);
  const ballast = join(path, 'ballast');
  let failures = 0;
  for (let free = 0; free <= 80; free += 8) {
    rmSync(ballast, { force: true });
    world.host('sh', '-c', 'head -c 1M /dev/zero > "$1" 2>/dev/null; truncate -s -"$2"K "$1"', '-', ballast, `${free}`);
    const before = state(path);
    const { code, stderr } = runOn(path);
    assert.is(state(path), before, `${free} KB free: ${code} ${stderr}`);
    if (code === 0) continue;
    failures += 1;
    assert.is(code, 125, stderr);
    assert.match(stderr, /^tsrun: run \S+: .*ENOSPC.*\nhint: /, `${free} KB free`);
  }
  assert.ok(failures >= 3, `${failures} failures`);
  rmSync(ballast);
  assert.is(runOn(path).code, 0, 'it heals when space returns');
});

test('a data root without inodes left', () => {
  const path = mount('inodes', '-t', 'tmpfs', '-o', 'nr_inodes=12', 'test');
  const { code, stderr } = runOn(path);
  assert.is(code, 125, stderr);
  assert.match(stderr, /^tsrun: run \S+: .*ENOSPC/);
  assert.is(world.host('find', path, '-mindepth', '3'), '', 'only the directories of the data root itself');
});

test('a data root on an overlay: the hint names the file system', () => {
  const layers = mount('layers', '-t', 'tmpfs', 'test');
  for (const name of ['lower', 'upper', 'work']) mkdirSync(join(layers, name));
  const path = mount(
    'on-overlay',
    '-t',
    'overlay',
    '-o',
    `lowerdir=${layers}/lower,upperdir=${layers}/upper,workdir=${layers}/work`,
    'test',
  );
  const { code, stderr } = runOn(path);
  assert.is(code, 125, stderr);
  assert.match(stderr, /^tsrun: run \S+: mount\("overlay".*\nhint: .*lies on overlay.*--data-root/);
  assert.is(world.host('find', path, '-mindepth', '3'), '');
});

needs(
  test,
  tool('mkfs.vfat'),
  vfat,
)('a data root on vfat: the hint names the file system', () => {
  const image = join(world.dir, 'vfat.img');
  world.host('truncate', '-s', '8M', image);
  world.host('mkfs.vfat', image);
  const path = mount('vfat', '-o', 'loop', image);
  const { stderr } = runOn(path);
  assert.match(stderr, /vfat/);
});

test.run();
