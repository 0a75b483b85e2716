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

/** Where every mount is shared, as systemd makes them. */
const SHARED = ['unshare', '-m', '--propagation', 'shared'];

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
        { rootfs, through: SHARED },
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

/** Runs the words there, then prints the mount points that were not there before. */
const NEW_MOUNTS = [
  ...SHARED,
  'sh',
  '-c',
  'points() { cut -d" " -f5 /proc/self/mountinfo | sort; }; before=$(points); "$@"; echo "code $?"; points | grep -vxF "$before"',
  'sh',
];
const MOUNT_BELOW = ['sh', '-c', 'mkdir /y/below && mount -t tmpfs none /y/below && echo mounted'];

test('rshared: what is mounted inside on the volume is mounted on the host, and nothing else is', () => {
  const path = source();
  const flags = ['-v', `${path}:/y:rshared`, '-v', `${source()}:/z`, '--tmpfs', '/t', '--cap-add', 'SYS_ADMIN'];
  const { stdout, stderr } = world.run(MOUNT_BELOW, flags, { through: NEW_MOUNTS });
  assert.is(stdout, `mounted\ncode 0\n${path}/below\n`, stderr);
});

test('rshared: what the host mounts on it is seen inside; a private volume beside it stays apart', async () => {
  const path = source();
  mkdirSync(join(path, 'below'));
  world.host('mount', '--bind', path, path);
  try {
    world.host('mount', '--make-shared', path);
    const script = "echo ready; read -r line; grep -o ' /[yz]/below ' /proc/self/mountinfo; echo over";
    const live = world.start(['sh', '-c', script], ['-i', '-v', `${path}:/y:rshared`, '-v', `${path}:/z`]);
    await live.waitFor(/^ready$/m);
    world.host('mount', '-t', 'tmpfs', 'none', join(path, 'below'));
    live.child.stdin?.end('go\n');
    await live.ended;
    assert.is(live.stdout(), 'ready\n /y/below \nover\n', live.stderr());
  } finally {
    world.host('umount', '-R', path);
  }
});

test('shared without a shared mount, slave without a master: refused in Docker’s words', () => {
  const path = source();
  const private_ = ['unshare', '-m', '--propagation', 'private'];
  for (const [mode, kind] of [
    ['rshared', 'shared'],
    ['shared', 'shared'],
    ['rslave', 'shared or slave'],
  ]) {
    const { code, stderr } = world.run(['true'], ['-v', `${path}:/y:${mode}`], { through: private_ });
    assert.is(code, 125);
    assert.match(stderr, new RegExp(`: path ${path} is mounted on /\\S* but it is not a ${kind} mount\nhint: `));
  }
  const slave = [...SHARED, 'sh', '-c', 'unshare -m --propagation slave "$@"; exit $?', 'sh']; // its master lives as long
  assert.is(world.run(['true'], ['-v', `${path}:/y:rslave`], { through: slave }).code, 0);
  assert.is(world.run(['true'], ['-v', `${path}:/y:rshared`], { through: slave }).code, 125);
});

test.run();
