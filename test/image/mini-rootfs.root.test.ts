import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsrunError } from '../../src/errors/tsrun-error.ts';
import { makeDebianRootfs } from '../../src/image/debian-rootfs.ts';
import { type MiniRootfsSummary, makeMiniRootfs } from '../../src/image/mini-rootfs.ts';
import { needs, network, root, tool } from '../support/needs.ts';

const all = suite<{ dir: string }>('mini rootfs');
const test = needs(all, root(), tool('bash'));

let base = '';
let made: MiniRootfsSummary;
const tree = () => join(base, 'tree');

test.before(async () => {
  base = mkdtempSync(join(tmpdir(), 'tsrun-rootfs-'));
  made = await makeMiniRootfs(tree());
});
test.after(() => rmSync(base, { recursive: true, force: true }));

/** Runs a script of bash in a tree, with /proc and a few devices, in a mount namespace that takes them away again. */
function inTree(dir: string, ...words: string[]): { status: number | null; output: string } {
  const prepare = `mount -t proc proc "$0/proc" && mount -t tmpfs dev "$0/dev" &&
    for d in null zero tty; do : > "$0/dev/$d" && mount --bind "/dev/$d" "$0/dev/$d"; done && exec chroot "$0" "$@"`;
  const args = ['-m', '--propagation', 'private', 'sh', '-c', prepare, dir, ...words];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', TERM: 'xterm' };
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', env, timeout: 60_000 });
  return { status, output: stdout + stderr };
}

async function failure(work: Promise<unknown>): Promise<TsrunError> {
  try {
    await work;
  } catch (error) {
    return error as TsrunError;
  }
  throw new Error('did not fail');
}

function listing(dir: string): string[] {
  return (readdirSync(dir, { recursive: true, encoding: 'utf8' }) as string[]).sort().map((name) => {
    const path = join(dir, name);
    const stats = lstatSync(path);
    const link = stats.isSymbolicLink() ? readlinkSync(path) : '';
    const bytes = stats.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
    return [name, stats.mode, stats.uid, stats.gid, bytes, stats.mtimeMs, link].join(' ');
  });
}

test('a shell, ids, names, awk and ps work in it', () => {
  const script = `ls / && id && id user && getent hosts localhost && echo 1 2 | awk '{ print $1 + $2 }' &&
    ps -e && /usr/bin/env true && head -c 3 /etc/passwd`;
  const { status, output } = inTree(tree(), '/bin/bash', '-c', script);
  assert.is(status, 0, output);
  assert.match(output, 'uid=0(root) gid=0(root)');
  assert.match(output, 'uid=1000(user)');
  assert.match(output, /^3$/m);
});

test('every program finds its loader and its libraries', () => {
  const script = `for p in /usr/bin/* /usr/sbin/* /usr/local/bin/*; do
      [ -e "$p" ] || continue
      case $p in */yes|*/top|*/watch|*/vmstat) timeout 5 $p --help; ;; *) timeout 5 $p --version; esac < /dev/null > /tmp/out 2>&1
      code=$?
      if [ $code = 126 ] || [ $code = 127 ] || grep -E 'error while loading|not found|cannot execute' /tmp/out; then
        echo "BROKEN $p $code"
      fi
      echo "ran $p"
    done`;
  const { output } = inTree(tree(), '/bin/bash', '-c', script);
  assert.not.match(output, /BROKEN/, output);
  assert.ok((output.match(/^ran /gm) ?? []).length >= made.programs, output);
});

test('the prompt is the one of a Debian root shell', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
  const { output } = inTree(tree(), '/bin/bash', '-c', 'HOME=/root bash -ic \'echo "${PS1@P}"\' 2>/dev/null');
  assert.match(output, /^root@[^:]+:\/# $/m);
});

test('sh and the loader are where programs expect them', () => {
  for (const path of ['bin/bash', 'bin/sh', 'usr/bin/env']) assert.ok(statSync(join(tree(), path)).mode & 0o111, path);
  assert.is(readlinkSync(join(tree(), 'bin')), 'usr/bin');
  assert.is(readlinkSync(join(tree(), 'lib64')), 'usr/lib64');
});

test('owners and modes are those of a root file system, and nothing is setuid', () => {
  const mode = (path: string) => statSync(join(tree(), path)).mode & 0o7777;
  assert.is(mode('tmp'), 0o1777);
  assert.is(mode('var/tmp'), 0o1777);
  assert.is(mode('root'), 0o700);
  assert.is(mode('etc/passwd'), 0o644);
  assert.is(mode('.'), 0o755);
  assert.is(statSync(join(tree(), 'home/user')).uid, 1000);
  for (const name of readdirSync(tree(), { recursive: true, encoding: 'utf8' }) as string[]) {
    const stats = lstatSync(join(tree(), name));
    if (!name.startsWith('home/user')) assert.is(stats.uid + stats.gid, 0, name);
    if (!stats.isDirectory()) assert.is(stats.mode & 0o6000, 0, name);
    if (stats.isFile()) assert.is(stats.nlink, 1, `${name} is linked to a file outside`);
    // Read by the host, an absolute link would lead out of the tree.
    if (stats.isSymbolicLink()) assert.not(readlinkSync(join(tree(), name)).startsWith('/'), name);
  }
});

test('it is small', () => {
  assert.ok(made.bytes < 80e6, `${made.bytes} bytes`);
  assert.ok(made.programs > 80 && made.libraries > 3);
});

test('the same machine gives the same tree, whatever the umask', async () => {
  const before = process.umask(0o077);
  try {
    await makeMiniRootfs(join(base, 'strict'));
    process.umask(0);
    await makeMiniRootfs(join(base, 'lax'));
  } finally {
    process.umask(before);
  }
  const lax = new Set(listing(join(base, 'lax')));
  const strict = listing(join(base, 'strict'));
  assert.is(strict.length, lax.size);
  assert.equal(
    strict.filter((line) => !lax.has(line)),
    [],
  );
});

test('named programs come with their interpreters, and alone', async () => {
  const script = join(base, 'hello');
  writeFileSync(script, '#!/bin/sh\necho hello\n', { mode: 0o755 });
  const dir = join(base, 'named');
  await makeMiniRootfs(dir, [script, 'cat']);
  assert.equal(readdirSync(join(dir, 'usr/local/bin')), ['hello']);
  assert.ok(existsSync(join(dir, 'usr/bin/cat')) && !existsSync(join(dir, 'usr/bin/bash')));
  assert.equal(inTree(dir, '/usr/local/bin/hello').output, 'hello\n');
});

test('a program that does not exist is an error, and nothing is left', async () => {
  const before = readdirSync(base);
  const error = await failure(makeMiniRootfs(join(base, 'none'), ['bash', 'tsrun-no-such-program']));
  assert.is(error.kind, 'not-found');
  assert.is(error.exitCode, 125);
  assert.match(error.message, 'tsrun-no-such-program: no such program');
  assert.equal(readdirSync(base), before);
});

test('an abort leaves nothing', async () => {
  const before = readdirSync(base);
  const error = await failure(makeMiniRootfs(join(base, 'none'), [], { signal: AbortSignal.abort() }));
  assert.match(error.message, 'interrupted');
  assert.equal(readdirSync(base), before);
});

test("an empty directory is used, one with somebody's files is not, even by force", async () => {
  const dir = join(base, 'taken');
  mkdirSync(dir);
  await makeMiniRootfs(dir, ['true']);
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  writeFileSync(join(dir, 'precious'), 'data');
  for (const force of [false, true]) {
    const error = await failure(makeMiniRootfs(dir, ['true'], { force }));
    assert.is(error.kind, 'conflict');
    assert.ok(error.hint);
  }
  // A marker behind a link is another tree's marker.
  symlinkSync(join(tree(), 'etc'), join(dir, 'etc'));
  assert.is((await failure(makeMiniRootfs(dir, ['true'], { force: true }))).kind, 'conflict');
  assert.is(readFileSync(join(dir, 'precious'), 'utf8'), 'data');
});

test('force replaces a tree of ours', async () => {
  const dir = join(base, 'replaced');
  await makeMiniRootfs(dir, ['true', 'cat']);
  assert.match((await failure(makeMiniRootfs(dir, ['true']))).hint ?? '', '--force');
  await makeMiniRootfs(dir, ['true'], { force: true });
  assert.not(existsSync(join(dir, 'usr/bin/cat')));
  assert.equal(
    readdirSync(base).filter((name) => name.startsWith('replaced')),
    ['replaced'],
  );
});

test('force refuses a tree with something mounted in it: its removal would go through', async () => {
  const dir = join(base, 'mounted');
  await makeMiniRootfs(dir, ['true']);
  assert.is(spawnSync('mount', ['-t', 'tmpfs', 'tsrun-test', join(dir, 'mnt')]).status, 0);
  try {
    const error = await failure(makeMiniRootfs(dir, ['true'], { force: true }));
    assert.match(error.message, 'is mounted in it');
  } finally {
    spawnSync('umount', [join(dir, 'mnt')]);
  }
});

needs(
  test,
  tool('mmdebstrap'),
  network(),
)('mmdebstrap makes a Debian', async () => {
  const dir = join(base, 'debian');
  const summary = await makeDebianRootfs(dir, 'debian');
  assert.match(summary.from, /^debian:[a-z]+$/);
  assert.match(inTree(dir, '/bin/bash', '-c', 'dpkg --status bash && cat /etc/os-release').output, 'ID=debian');
});

needs(
  test,
  tool('mmdebstrap'),
  network(),
)('an abort ends mmdebstrap and leaves nothing', async () => {
  const before = readdirSync(base);
  const controller = new AbortController();
  const work = failure(makeDebianRootfs(join(base, 'aborted'), 'debian', { signal: controller.signal }));
  // By then packages are being unpacked, and mmdebstrap has started others.
  const unpacked = join(base, `aborted.tmp-${process.pid}`, 'usr/bin');
  const done = work.then(() => true);
  while (!existsSync(unpacked) && !(await Promise.race([done, wait(50, false)])));
  controller.abort();
  assert.match((await work).message, 'interrupted');
  assert.equal(readdirSync(base), before);
});

all.run();
