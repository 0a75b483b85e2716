import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import type { Outcome } from '../support/tsrun.ts';
import { cgroupsOf, type RunOptions, World, write } from '../support/world.ts';

const test = needs(suite('run: errors'), root(), overlay(), tool('cc'));
let world: World;
const mounted: string[] = [];
test.before(async () => {
  world = await World.open();
  world.run(['true']);
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

/** Find, not tree-state.ts: it is asked a hundred times. */
const state = (dataRoot: string): string =>
  [dataRoot, world.runRoot]
    .map((path) => (existsSync(path) ? world.host('find', path, '-printf', '%y %m %U:%G %P\\n') : ''))
    .join('\n');

interface Failing extends RunOptions {
  flags?: string[];
  command?: string[];
  dataRoot?: string;
}

/** The ids of the containers that a run makes, once more, by its own account. */
function idsTried(dataRoot: string, flags: string[], rootfs: string, command: string[]): string[] {
  const { stderr } = world.tsrun.run([
    '--data-root',
    dataRoot,
    '--log-level',
    'debug',
    'run',
    '--rm',
    ...flags,
    rootfs,
    ...command,
  ]);
  return [...new Set([...stderr.matchAll(/tsrun-([0-9a-f]{64})/g)].map(([, id]) => id!))];
}

/** It fails with 125 and these words, and leaves no file, cgroup or process. */
function fails(
  message: RegExp,
  { flags = [], command = ['true'], dataRoot = world.dataRoot, ...options }: Failing = {},
): Outcome {
  const before = state(dataRoot);
  const result = world.tsrun.run(
    ['--data-root', dataRoot, 'run', '--rm', ...flags, options.rootfs ?? world.rootfs, ...command],
    {
      cwd: world.dir,
      through: [world.probe, 'watch'],
      ...options,
    },
  );
  assert.is(result.code, 125, `99 is a leaked process: ${result.stdout}${result.stderr}`);
  assert.match(result.stderr, message);
  assert.not.match(result.stderr, /internal error|invalid argument\n/);
  assert.is(result.stdout, '');
  assert.is(state(dataRoot), before);
  assert.equal(idsTried(dataRoot, flags, options.rootfs ?? world.rootfs, command).flatMap(cgroupsOf), []);
  return result;
}

test('not root', () => {
  const through = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
  fails(/^tsrun: run \S+: must be root: .*\nhint: run it with sudo\n$/, { through });
});

test('a rootfs that is a file', () => {
  fails(/^tsrun: run \S+: .*: is a file, not a root directory\nhint: .*tsrun rootfs/, { rootfs: world.probe });
});

test('a rootfs that is missing', () => {
  fails(/^tsrun: run \S+: .*: no such directory\nhint: .*tsrun rootfs/, { rootfs: join(world.dir, 'missing') });
  world.host('ln', '-s', 'nowhere', join(world.dir, 'dangling'));
  fails(/no such directory/, { rootfs: join(world.dir, 'dangling') });
});

test('a rootfs that is empty', () => {
  const rootfs = join(world.dir, 'empty');
  mkdirSync(rootfs);
  fails(/^tsrun: run \S+: .*: the directory is empty\nhint: /, { rootfs });
});

test('a rootfs without the command', () => {
  const rootfs = join(world.dir, 'bare');
  mkdirSync(join(rootfs, 'etc'), { recursive: true });
  const before = state(world.dataRoot);
  const { code, stderr } = world.run(['sh'], [], { rootfs });
  assert.is(code, 127);
  assert.match(stderr, /^tsrun: run \S+: execve\("sh"\), searched in \$PATH inside the container: ENOENT .*\nhint: /);
  assert.is(state(world.dataRoot), before);
});

test('no command at all', () => {
  fails(/^tsrun: .*no command specified\nhint: /, { command: [] });
});

test('an unknown option, an option without its value, a word too few', () => {
  fails(/^tsrun: unknown option '--nonsuch'/, { flags: ['--nonsuch'] });
  assert.match(world.tsrun.run(['run', '--name']).stderr, /^tsrun: option '--name <name>' argument missing/);
  assert.match(world.tsrun.run(['run']).stderr, /^tsrun: missing required argument 'rootfs'/);
});

test('values that no option takes', () => {
  for (const [flag, value] of [
    ['--memory', '1'],
    ['-v', 'a:b:c:d'],
    ['--mount', 'type=nonsuch,target=/x'],
    ['--network', 'nonsuch'],
    ['--cap-add', 'NONSUCH'],
    ['--ulimit', 'nonsuch=1'],
    ['--add-host', 'x'],
    ['--dns', 'x'],
    ['--tmpfs', 'relative'],
    ['-e', '=x'],
    ['--env-file', '/no/such/file'],
    ['--stop-signal', 'NONSUCH'],
  ])
    fails(/^tsrun: .*\n/, { flags: [flag!, value!] });
});

test('a data root that is a file, or lies below one', () => {
  fails(/^tsrun: run \S+: .*(ENOTDIR|EEXIST)/, { dataRoot: world.probe });
  fails(/^tsrun: run \S+: .*ENOTDIR/, { dataRoot: join(world.probe, 'x') });
});

test('a data root, or a volume, where no directory can be made: Node’s mkdir -p would never end', () => {
  fails(/^tsrun: run \S+: mkdir.*ENOENT/, { dataRoot: '/proc/nonsuch/x' });
  const { code, stderr } = world.run(['true'], ['-v', '/proc/nonsuch/x:/v']);
  assert.is(code, 125);
  assert.match(stderr, /^tsrun: run \S+: mkdir.*ENOENT/);
});

test('a data root on a read-only file system', () => {
  const path = mount('read-only', '-t', 'tmpfs', '-o', 'ro', 'test');
  const { stderr } = fails(/^tsrun: run \S+: .*EROFS.*/, { dataRoot: path });
  assert.match(stderr, /\nhint: /);
  world.host('mount', '-o', 'remount,rw', path);
  assert.is(world.tsrun.run(['--data-root', path, 'run', '--rm', world.rootfs, 'true']).code, 0);
  world.host('mount', '-o', 'remount,ro', path);
  fails(/^tsrun: run \S+: .*EROFS/, { dataRoot: path });
});

test('a data root inside the root directory', () => {
  const rootfs = world.copy();
  const dataRoot = join(rootfs, 'var/lib/tsrun');
  const { code, stdout, stderr } = world.tsrun.run(['--data-root', dataRoot, 'run', '--rm', rootfs, 'echo', 'x'], {
    through: [world.probe, 'watch'],
  });
  if (code === 0) assert.is(stdout, 'x\n');
  else {
    assert.is(code, 125, stderr);
    assert.match(stderr, /^tsrun: run \S+: .*\nhint: .*--data-root/s);
  }
  assert.is(
    existsSync(join(dataRoot, 'containers')) ? world.host('find', join(dataRoot, 'containers'), '-mindepth', '1') : '',
    '',
  );
});

test('a run directory that belongs to somebody else, or is open to all', () => {
  const runRoot = join(world.dir, 'foreign-run');
  mkdirSync(runRoot);
  world.host('chown', '65534', runRoot);
  world.host('chmod', '777', runRoot);
  const { code, stderr } = world.run(['true'], [], { env: { TSRUN_RUN: runRoot } });
  const safe = world.host('stat', '-c', '%a:%u', runRoot).trim();
  assert.ok(code === 125 ? /^tsrun: /.test(stderr) : safe === '700:0', `${code} ${stderr} ${safe}`);
});

test('few descriptors: a clean failure or none', () => {
  for (const limit of [24, 28, 32, 36, 40, 48, 64]) {
    const before = state(world.dataRoot);
    const { code, stderr } = world.run(['true'], [], {
      through: [world.probe, 'watch', world.probe, 'launch', '-n', `${limit}`],
    });
    assert.ok(
      code === 0 || (code === 125 && /EMFILE|ulimit -n/.test(stderr)) || !/^tsrun/.test(stderr),
      `${limit}: ${code} ${stderr}`,
    );
    assert.not.ok(/internal error/.test(stderr), stderr);
    assert.is(state(world.dataRoot), before, `${limit} descriptors`);
  }
});

test('four hundred volumes and sixty descriptors: each mount closes what it has opened', () => {
  const path = join(world.dir, 'many');
  mkdirSync(path);
  const volumes = Array.from({ length: 400 }, (_, i) => ['-v', `${path}:/many/${i}:ro`]).flat();
  const command = ['sh', '-c', 'grep -c " /many/" /proc/self/mountinfo'];
  const through = [world.probe, 'launch', '-n', '60'];
  const { code, stdout, stderr } = world.run(command, volumes, { through });
  assert.equal([code, stdout], [0, '400\n'], stderr);
});

test('a failed mount names the call, its arguments, the meaning and the step', () => {
  write(join(world.dir, 'a-file'), '');
  const { stderr } = fails(/EISDIR/, { flags: ['-v', `${join(world.dir, 'a-file')}:/etc`] });
  assert.match(stderr, /^tsrun: run \S+: in_root\(root, "etc", MAKE_FILE\|NOT_ROOT\): EISDIR [a-z ]+\nhint: \S.*\n$/);
});

test.run();
