import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exists, needs, overlay, root, tool } from '../support/needs.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('run: odd machines'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
  await tsrun.container('alive');
});
test.after(() => tsrun.close());

/** In a mount namespace of its own, spoiled by the script. */
const spoiled = (script: string, ...flags: string[]) => ({
  through: ['unshare', '-m', ...flags, 'sh', '-c', `${script} && exec "$@"`, '-'],
});

test('no /proc: one clear sentence by every verb, and not a defect of ours', () => {
  for (const words of [
    ['run', '--rm', tsrun.rootfs, 'true'],
    ['exec', 'alive', 'true'],
    ['ps'],
    ['info'],
    ['rm', '-f', 'alive'],
  ]) {
    const { code, stdout, stderr } = tsrun.run(words, spoiled('umount -l /proc'));
    assert.is(code, 125, `${words}`);
    assert.match(stderr, /^tsrun: [^\n]*\/proc[^\n]*\nhint: mount -t proc proc \/proc\n$/);
    assert.is(stdout, '');
  }
});

test('read-only cgroups: the hint is theirs, and nothing is left', () => {
  const script =
    'for m in $(awk \'$3 ~ /^cgroup/ { print $2 }\' /proc/mounts); do mount -o remount,ro,bind "$m" || exit 9; done';
  const before = tsrun.ids();
  const { code, stderr } = tsrun.run(['run', '--rm', tsrun.rootfs, 'true'], spoiled(script));
  assert.is(code, 125, stderr);
  assert.match(stderr, /EROFS.*\nhint: the cgroup file system is mounted read-only/);
  assert.equal(tsrun.ids(), before);
});

test('a data root that has become read-only: what only looks answers, the rest says so', () => {
  assert.is(tsrun.run(['create', '--name', 'ended', tsrun.rootfs, 'true']).code, 0);
  const readOnly = spoiled(
    `mount --bind ${tsrun.dataRoot} ${tsrun.dataRoot} && mount -o remount,ro,bind ${tsrun.dataRoot}`,
  );
  for (const words of [['ps'], ['info'], ['inspect', 'alive'], ['diff', 'alive'], ['exec', 'alive', 'true']]) {
    const { code, stderr } = tsrun.run(words, readOnly);
    assert.is(code, 0, `${words} ${stderr}`);
  }
  for (const words of [
    ['start', '-a', 'ended'],
    ['rm', '-f', 'alive'],
  ]) {
    const { code, stderr } = tsrun.run(words, readOnly);
    assert.is(code, words[0] === 'rm' ? 1 : 125, `${words}`);
    assert.match(stderr, /^tsrun: [a-z]+ (alive|ended): [^\n]*EROFS[^\n]*\nhint: [^\n]*--data-root[^\n]*\n$/);
  }
  assert.is(tsrun.run(['exec', 'alive', 'true']).code, 0);
});

test('not Linux: a clear sentence before anything is done', () => {
  const env = {
    NODE_OPTIONS: '--import=data:text/javascript,Object.defineProperty(process,%22platform%22,{value:%22darwin%22})',
  };
  const before = tsrun.ids();
  for (const words of [
    ['run', '--rm', tsrun.rootfs, 'true'],
    ['exec', 'alive', 'true'],
    ['start', '-a', 'alive'],
  ]) {
    const { code, stderr } = tsrun.run(words, { env });
    assert.is(code, 125);
    assert.match(stderr, /^tsrun: [^\n]*: tsrun needs Linux; this is darwin\nhint: [^\n]*virtual machine[^\n]*\n$/);
  }
  assert.equal(tsrun.ids(), before);
});

/** The second mount of a container is its overlay. */
needs(test, tool('strace'))('no overlayfs: said with a hint, and nothing is left', () => {
  const strace = [
    'strace',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'trace=mount',
    '-e',
    'inject=mount:error=ENODEV:when=2',
  ];
  const before = tsrun.ids();
  const { code, stderr } = tsrun.run(['run', '--rm', tsrun.rootfs, 'true'], { through: strace });
  assert.is(code, 125, stderr);
  assert.match(
    stderr,
    /^tsrun: run \S+: mount\("overlay", .*: ENODEV no such device\nhint: this kernel has no overlayfs: .*\n$/,
  );
  assert.equal(tsrun.ids(), before);
});

test('the caller stands in a directory that has been removed: absolute paths work, relative ones are not there', () => {
  const gone = { through: ['sh', '-c', 'd=$(mktemp -d) && cd "$d" && rmdir "$d" && exec "$@"', '-'] };
  for (const words of [
    ['run', '--rm', tsrun.rootfs, 'true'],
    ['run', '--rm', '-eA=1', '--log-level', 'info', tsrun.rootfs, 'true'],
    ['exec', 'alive', 'true'],
    ['ps', '-a'],
  ]) {
    const { code, stderr } = tsrun.run(words, gone);
    assert.equal([code, stderr], [0, ''], `${words}`);
  }
  for (const words of [
    ['run', '--rm', 'relative', 'true'],
    ['run', '--rm', '-v', './relative:/v', tsrun.rootfs, 'true'],
    ['run', '--rm', '--cidfile', 'relative', tsrun.rootfs, 'true'],
    ['--data-root', 'relative', 'run', '--rm', tsrun.rootfs, 'true'],
  ]) {
    const { code, stderr } = tsrun.run(words, gone);
    assert.is(code, 125, `${words}`);
    assert.match(stderr, /^tsrun: run [^\n]*relative[^\n]*\n(hint: [^\n]*\n)?$/);
    assert.not.match(stderr, /defect/);
  }
});

needs(test, exists('/proc/sys/vm/memfd_noexec'))(
  'vm.memfd_noexec = 1: exec and --init run from their sealed copy',
  () => {
    // The sysctl is one of the PID namespace: nobody else sees it.
    const strict = spoiled('mount -t proc proc /proc && echo 1 > /proc/sys/vm/memfd_noexec', '-f', '-p');
    const init = tsrun.run(['run', '--rm', '--init', tsrun.rootfs, 'cat', '/proc/sys/vm/memfd_noexec'], strict);
    assert.equal([init.code, init.stdout], [0, '1\n'], init.stderr);
  },
);

test.run();
