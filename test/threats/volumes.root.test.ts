import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('a hostile root directory and volumes'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

function source(): string {
  const path = mkdtempSync(join(world.dir, 'source-'));
  write(join(path, 'file'), 'of the host');
  return path;
}
/** Mount options of the topmost mount at a path, as seen inside. */
const optionsAt = (path: string): string =>
  `awk -v at=${path} '$5 == at {options = $6} END {print options}' /proc/self/mountinfo`;

test('a target that is the root itself is refused: /p -> / made a :ro volume the root of every exec, read-write', () => {
  const rootfs = world.copy();
  symlinkSync('/', join(rootfs, 'p'));
  symlinkSync('../..', join(rootfs, 'up'));
  mkdirSync(join(rootfs, 'deep/dir'), { recursive: true });
  symlinkSync('/deep/dir/../../p', join(rootfs, 'deep/dir/round'));
  const path = source();
  for (const flags of [
    ['-v', `${path}:/p:ro`],
    ['-v', `${path}:/up:ro`],
    ['-v', `${path}:/deep/dir/round`],
    ['--mount', `type=bind,source=${path},target=/p,readonly`],
    ['--tmpfs', '/p'],
  ]) {
    const { code, stdout, stderr } = world.run(['touch', '/../written'], flags, { rootfs });
    assert.is(code, 125, `${flags}: ${stdout}`);
    assert.match(stderr, /: EINVAL .*\nhint: a volume cannot be mounted on the root itself\n/, `${flags}`);
  }
  assert.not.ok(existsSync(join(path, 'written')));
  assert.equal(world.ids(), []);
});

test('the root, bind-mounted elsewhere, is a target like any other', () => {
  const rootfs = world.copy();
  const flags = ['-v', `${rootfs}:/again`, '-v', `${source()}:/again/etc`];
  assert.is(world.shell('cat /again/etc/file', flags, { rootfs }), 'of the host');
});

test('flags go to the mount that was made, not to where its path leads then: /a/b -> ., and b -> /proc in the volume', () => {
  const rootfs = world.copy();
  mkdirSync(join(rootfs, 'a'));
  symlinkSync('.', join(rootfs, 'a/b'));
  const path = source();
  symlinkSync('/proc', join(path, 'b'));
  for (const flags of [
    ['-v', `${path}:/a/b:ro`],
    ['--mount', `type=bind,source=${path},target=/a/b,readonly`],
    ['-v', `${path}:/a/b:ro,rslave`],
  ]) {
    assert.match(
      world.shell(
        `${optionsAt('/proc')}; ${optionsAt('/a')}; touch /a/written 2>/dev/null && echo written; cat /a/file`,
        flags,
        { rootfs },
      ),
      /^rw,nosuid,nodev,noexec\S*\nro\S*\nof the host$/,
      `${flags}`,
    );
    assert.not.ok(existsSync(join(path, 'written')));
  }
});

test('a volume’s propagation goes to that volume', () => {
  const rootfs = world.copy();
  mkdirSync(join(rootfs, 'a'));
  symlinkSync('.', join(rootfs, 'a/b'));
  const path = source();
  symlinkSync('/proc', join(path, 'b'));
  world.host('mount', '--bind', path, path);
  try {
    world.host('mount', '--make-shared', path);
    const peers = `awk '$5 == "/a" || $5 == "/proc" {print $5, $7}' /proc/self/mountinfo`;
    assert.match(world.shell(peers, ['-v', `${path}:/a/b:rslave`], { rootfs }), /^\/proc -\n\/a master:\d+$/);
  } finally {
    world.host('umount', path);
  }
});

test.run();
