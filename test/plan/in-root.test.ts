import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SyscallError } from '../../src/errors/syscall-error.ts';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import { IN_ROOT } from '../../src/kernel/abi.ts';
import { openInRoot, readInRoot, statInRoot } from '../../src/plan/in-root.ts';
import { linux, needs } from '../support/needs.ts';
import { openFiles } from './open-files.ts';

/** A root directory that wants to lead its visitor astray, and what lies beside it, which must not be reached. */
const all = needs(suite('in_root'), linux());
const top = mkdtempSync(join(tmpdir(), 'tsrun-in-root-'));
const inside = (path: string): string => join(top, 'root', path);
const outside = (): string => execFileSync('find', [join(top, 'outside'), '-printf', '%P %m %s %T@\n']).toString();

let root = -1;
let untouched = '';

all.before(() => {
  mkdirSync(join(top, 'outside'));
  writeFileSync(join(top, 'outside/secret'), 'outside');
  for (const path of ['etc', 'a/b', 'made']) mkdirSync(inside(path), { recursive: true });
  writeFileSync(inside('etc/passwd'), 'inside');
  writeFileSync(inside('a/b/file'), 'file');
  execFileSync('mkfifo', [inside('fifo')]);
  const links: [string, string][] = [
    ['absolute', '/etc'],
    ['climbing', '../../../../../../../../etc'],
    ['sideways', '../outside'],
    ['host-absolute', join(top, 'outside')],
    ['dangling', '/outside/made'],
    ['dangling-file', '../outside/made'],
    ['loop-a', 'loop-b'],
    ['loop-b', 'loop-a'],
    ['self', 'self'],
    ['a/up', '..'],
    ['magic', '/proc/self/root'],
    ['chain', 'absolute/../a/up/climbing'],
  ];
  for (const [path, target] of links) symlinkSync(target, inside(path));
  root = openSync(inside(''), 'r');
  untouched = outside();
  assert.is(openInRoot('warm up', root, 'no-such', 0), undefined);
});
all.after(() => {
  closeSync(root);
  rmSync(top, { recursive: true });
});

/** Every test must leave no descriptor, and what lies outside as it was. */
function test(name: string, body: () => void): void {
  all(name, () => {
    const before = openFiles();
    body();
    assert.equal(openFiles(), before, 'no descriptor is left');
    assert.is(outside(), untouched, 'nothing outside was touched');
  });
}

/** Where the descriptor leads, as the host sees it, or the errno. */
function where(path: string, want = 0, from = root): string {
  try {
    const fd = openInRoot('look', from, path, want);
    if (fd === undefined) return 'nothing';
    const found = readlinkSync(`/proc/self/fd/${fd}`);
    closeSync(fd);
    return found === inside('.') ? '/' : found.replace(inside('.'), '');
  } catch (error) {
    return (error as SyscallError).code;
  }
}

const found: [string, string][] = [
  ['etc/passwd', '/etc/passwd'],
  ['/etc/passwd', '/etc/passwd'],
  ['//etc//passwd', '/etc/passwd'],
  ['.', '/'],
  ['', '/'],
  ['/', '/'],
  ['..', '/'],
  ['../../../..', '/'],
  ['../../../../etc/passwd', '/etc/passwd'],
  ['a/../../../etc', '/etc'],
  ['absolute', '/etc'],
  ['absolute/passwd', '/etc/passwd'],
  ['climbing/passwd', '/etc/passwd'],
  ['chain/passwd', '/etc/passwd'],
  ['a/up/etc', '/etc'],
  ['a/up/../../..', '/'],
  ['sideways', 'nothing'],
  ['sideways/secret', 'nothing'],
  ['host-absolute/secret', 'nothing'],
  ['dangling', 'nothing'],
  ['etc/passwd/x', 'nothing'],
  ['magic/etc', 'nothing'],
  ['loop-a', 'ELOOP'],
  ['loop-a/x', 'ELOOP'],
  ['self', 'ELOOP'],
  ['fifo', '/fifo'],
];
for (const [path, expected] of found) {
  test(`${JSON.stringify(path)} is ${expected}`, () => assert.is(where(path), expected));
}

test('the kernel’s own links are refused: they lead out of any root', () => {
  const host = openSync('/', 'r');
  try {
    for (const path of ['proc/self/root', 'proc/self/cwd', `proc/self/fd/${root}`, 'proc/self/exe', 'proc/self/ns/mnt'])
      assert.is(where(path, 0, host), 'ELOOP', path);
  } finally {
    closeSync(host);
  }
});

test('NO_SYMLINKS: no component may be a link', () => {
  assert.is(where('etc/passwd', IN_ROOT.noSymlinks), '/etc/passwd');
  for (const path of ['absolute', 'absolute/passwd', 'a/up/etc', 'dangling'])
    assert.is(where(path, IN_ROOT.noSymlinks), 'ELOOP', path);
  assert.is(where('absolute/new', IN_ROOT.noSymlinks | IN_ROOT.makeDir), 'ELOOP');
});

test('DIRECTORY: a file is none', () => {
  assert.is(where('absolute', IN_ROOT.directory), '/etc');
  assert.is(where('etc/passwd', IN_ROOT.directory), 'nothing');
  assert.is(where('fifo', IN_ROOT.directory), 'nothing');
});

test('MAKE_DIR makes what is missing, and takes what is there', () => {
  assert.is(where('made/x/y/z', IN_ROOT.makeDir), '/made/x/y/z');
  assert.ok(statSync(inside('made/x/y/z')).isDirectory());
  assert.is(statSync(inside('made/x')).mode & 0o777, 0o755 & ~process.umask());
  assert.is(where('made/x/y/z', IN_ROOT.makeDir), '/made/x/y/z');
  assert.is(where('absolute/new//dir/', IN_ROOT.makeDir), '/etc/new/dir');
  assert.is(where('climbing/new2', IN_ROOT.makeDir), '/etc/new2');
  assert.is(where('../../../made/top', IN_ROOT.makeDir), '/made/top');
  assert.is(where('made/none/../other', IN_ROOT.makeDir), '/made/other');
});

test('MAKE_FILE makes an empty file, never empties one, and makes its directories', () => {
  assert.is(where('made/f/g', IN_ROOT.makeFile), '/made/f/g');
  assert.ok(statSync(inside('made/f')).isDirectory());
  const made = statSync(inside('made/f/g'));
  assert.equal([made.isFile(), made.size, made.mode & 0o777], [true, 0, 0o644 & ~process.umask()]);
  assert.is(where('absolute/passwd', IN_ROOT.makeFile), '/etc/passwd');
  assert.is(readFileSync(inside('etc/passwd'), 'utf8'), 'inside');
  assert.is(where('a/b', IN_ROOT.makeFile), 'EISDIR', 'what is there is taken, but for a directory');
});

test('NOT_ROOT refuses the root itself, however the path comes there, and nothing else', () => {
  for (const path of ['.', '', '/', '..', 'a/..', 'a/b/../../..']) {
    assert.is(where(path, IN_ROOT.notRoot), 'EINVAL', path);
    assert.is(where(path, IN_ROOT.notRoot | IN_ROOT.makeDir), 'EINVAL', path);
    assert.is(where(path, IN_ROOT.makeDir), '/', path);
  }
  assert.is(where('a/b', IN_ROOT.notRoot), '/a/b');
});

test('nothing is made through a link that leads to nothing, inside or outside', () => {
  for (const want of [IN_ROOT.makeDir, IN_ROOT.makeFile]) {
    for (const path of ['dangling', 'dangling-file', 'sideways/x', 'host-absolute/x']) where(path, want);
    assert.is(where('loop-a/x', want), 'ELOOP');
  }
  assert.ok(lstatSync(inside('dangling')).isSymbolicLink());
  assert.ok(lstatSync(inside('sideways')).isSymbolicLink());
});

test('nothing is made beneath a file', () => {
  assert.is(where('etc/passwd/x', IN_ROOT.makeDir), 'nothing');
  assert.is(where('fifo/x', IN_ROOT.makeFile), 'nothing');
  assert.not(existsSync(inside('etc/passwd/x')));
});

test('a path longer than the kernel takes', () => {
  assert.is(where('x/'.repeat(3000), IN_ROOT.makeDir), 'ENAMETOOLONG');
});

test('reading: regular files only, and a fifo is not waited for', () => {
  const read = (path: string, limit = 100): string | undefined => readInRoot('read', root, path, limit)?.toString();
  assert.is(read('etc/passwd'), 'inside');
  assert.is(read('climbing/passwd'), 'inside');
  assert.is(read('sideways/secret'), undefined);
  const refused: [string, number, RegExp][] = [
    ['fifo', 100, /read: \/fifo inside the root directory cannot be read: EINVAL/],
    ['etc', 100, /cannot be read: EINVAL/],
    ['loop-a', 100, /cannot be read: ELOOP/],
    ['etc/passwd', 5, /larger than 5 bytes/],
  ];
  for (const [path, limit, message] of refused)
    assert.throws(
      () => read(path, limit),
      (error: unknown) => error instanceof TsrunError && message.test(error.message),
    );
});

test('what is there, without opening it', () => {
  assert.ok(statInRoot('look', root, 'fifo')?.isFIFO());
  assert.ok(statInRoot('look', root, 'absolute')?.isDirectory());
  assert.is(statInRoot('look', root, 'sideways'), undefined);
  assert.throws(
    () => statInRoot('look', root, 'self'),
    (error: unknown) =>
      error instanceof SyscallError && error.code === 'ELOOP' && /leads out of it/.test(error.hint ?? ''),
  );
});

all.run();
