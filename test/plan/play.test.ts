import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SyscallError } from '../../src/errors/syscall-error.ts';
import { AF, AT, FS_MAGIC, O, SOCK } from '../../src/kernel/constants.ts';
import { type Struct, slot } from '../../src/plan/arguments.ts';
import { play, playAsync } from '../../src/plan/play.ts';
import { ANY, type Step, step } from '../../src/plan/step.ts';
import { linux, needs } from '../support/needs.ts';
import { openFiles } from './open-files.ts';

const all = needs(suite('play'), linux());
const directory = mkdtempSync(join(tmpdir(), 'tsrun-play-'));
const at = (name: string): string => join(directory, name);
const children = (): string =>
  readdirSync('/proc/self/task')
    .map((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8'))
    .join('');

all.before(() => {
  play('warm up', [step('umask', { mask: process.umask() }, 'the library is loaded')]);
});
all.after(() => rmSync(directory, { recursive: true }));

/** Every test must leave neither a descriptor nor a child. */
function test(name: string, body: () => void | Promise<void>): void {
  all(name, async () => {
    const before = openFiles();
    await body();
    assert.equal(openFiles(), before, 'no descriptor is left');
    assert.is(children(), '', 'no child is left');
  });
}

const mark = (name: string): Step =>
  step('mkdirat', { dirfd: AT.AT_FDCWD, pathname: at(name), mode: 0o755 }, `leave ${name}`);
const close = (name: string): Step => step('close', { fd: slot(name) }, 'done');
const buffer = (size: number): Struct => ({ bytes: Buffer.alloc(size), shown: 'buffer' });
const fails = (run: () => unknown): SyscallError => {
  try {
    run();
  } catch (error) {
    assert.instance(error, SyscallError);
    return error as SyscallError;
  }
  return assert.unreachable('it did not fail') as never;
};

test('open, write, seek, read, close: slots carry the descriptor, structs what the kernel wrote', () => {
  const read = buffer(5);
  const flags = O.O_RDWR | O.O_CREAT | O.O_EXCL | O.O_CLOEXEC;
  const played = play('file', [
    step('openat', { dirfd: AT.AT_FDCWD, pathname: at('file'), flags, mode: 0o600 }, 'a file', { save: 'file' }),
    step('write', { fd: slot('file'), buf: 'hello', count: 5 }, 'write', { save: 'written' }),
    step('lseek', { fd: slot('file'), offset: 0, whence: 0 }, 'back'),
    step('read', { fd: slot('file'), buf: read, count: 5 }, 'read'),
    close('file'),
  ]);
  assert.is(played.value('written'), 5);
  assert.is(played.bytes(read).toString(), 'hello');
  assert.is(read.bytes.toString(), '\0\0\0\0\0', 'the plan itself stays as it was');
  assert.is(readFileSync(at('file'), 'utf8'), 'hello');
  assert.ok(played.durationNs > 0 && played.durationNs < 10e9);
  assert.is(played.value('nobody'), -1);
});

test('a pipe; the descriptors that the kernel wrote, given to the next plan', () => {
  const ends = buffer(8);
  const made = play('pipe', [step('pipe2', { pipefd: ends, flags: O.O_CLOEXEC }, 'a pipe')]).bytes(ends);
  const read = buffer(3);
  const played = play(
    'through',
    [
      step('write', { fd: slot('in'), buf: 'abc', count: 3 }, 'in'),
      step('read', { fd: slot('out'), buf: read, count: 3 }, 'out'),
      close('in'),
      close('out'),
    ],
    { out: made.readInt32LE(0), in: made.readInt32LE(4) },
  );
  assert.is(played.bytes(read).toString(), 'abc');
});

test('a descriptor goes through a socket', () => {
  const pair = buffer(8);
  const type = SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC;
  const ends = play('pair', [step('socketpair', { domain: AF.AF_UNIX, type, protocol: 0, sv: pair }, 'a pair')]).bytes(
    pair,
  );
  const sent = openSync(at('sent'), 'w');
  const played = play(
    'pass',
    [
      step('send_fd', { socket: slot('a'), fd: slot('sent') }, 'send'),
      step('recv_fd', { socket: slot('b') }, 'receive', { save: 'got' }),
      step('write', { fd: slot('got'), buf: 'x', count: 1 }, 'write'),
      ...['a', 'b', 'got', 'sent'].map(close),
    ],
    { a: ends.readInt32LE(0), b: ends.readInt32LE(4), sent },
  );
  assert.is.not(played.value('got'), sent);
  assert.is(readFileSync(at('sent'), 'utf8'), 'x');
});

test('any errno is expected, but for one that is named', () => {
  const fail = (errno: number, skip: number): Step =>
    step('fail_at', { errno }, 'why', { expect: { EBUSY: 0, [ANY]: skip } });
  play('any', [fail(16, 1), mark('named'), fail(5, 1), mark('skipped'), fail(1, 0), mark('next')]);
  assert.equal(
    ['named', 'skipped', 'next'].map((name) => existsSync(at(name))),
    [true, false, true],
  );
});

test('an expected errno goes on or skips; any other one stops', () => {
  mkdirSync(at('there'));
  const made = (name: string, expect: Record<string, number>): Step => ({ ...mark(name), expect });
  play('expect', [
    made('there', { ENOENT: 0, EEXIST: 1 }),
    mark('skipped'),
    made('there', { EEXIST: 0 }),
    mark('played'),
  ]);
  assert.equal([existsSync(at('skipped')), existsSync(at('played'))], [false, true]);
  const error = fails(() => play('expect', [made('there', { ENOENT: 5, EPERM: 5 }), mark('never')]));
  assert.is(error.code, 'EEXIST');
  assert.not(existsSync(at('never')));
});

test('thenSkip skips on success, and only then', () => {
  play('skip', [
    { ...mark('first'), thenSkip: 2 },
    mark('first-a'),
    mark('first-b'),
    { ...mark('first'), thenSkip: 1, expect: { EEXIST: 0 } },
    mark('second-a'),
  ]);
  assert.equal(
    ['first', 'first-a', 'first-b', 'second-a'].map((name) => existsSync(at(name))),
    [true, false, false, true],
  );
});

test('ignored errors are ignored, and the result is not kept', () => {
  const missing = { dirfd: AT.AT_FDCWD, pathname: at('missing'), flags: 0, mode: 0 };
  const played = play(
    'ignore',
    [step('openat', missing, 'nothing there', { ignoreErrors: true, save: 'kept' }), mark('after-ignored')],
    { kept: 77 },
  );
  assert.is(played.value('kept'), 77);
  assert.ok(existsSync(at('after-ignored')));
});

test('a failure names the goal, the call, the errno and the step; nothing behind it is played', () => {
  const missing = { dirfd: AT.AT_FDCWD, pathname: '/no/such', flags: 0, mode: 0 };
  const error = fails(() => play('my goal', [mark('good'), step('openat', missing, 'look for it'), mark('behind')]));
  assert.match(error.message, /^my goal: openat\(AT_FDCWD, "\/no\/such", 0, 00\): ENOENT no such file/);
  assert.equal([error.step, error.path, error.syscall], ['look for it', '/no/such', 'openat']);
  assert.equal([existsSync(at('good')), existsSync(at('behind'))], [true, false]);
});

test('fail_at fails where a test wants it', () => {
  assert.is(fails(() => play('fail', [step('fail_at', { errno: 28 }, 'the hook')])).code, 'ENOSPC');
});

test('write_file writes whole files, into directories that are descriptors', () => {
  const dirfd = openSync(directory, 'r');
  const data = 'x'.repeat(200_000);
  const flags = O.O_WRONLY | O.O_CREAT;
  play(
    'write',
    [step('write_file', { dirfd: slot('d'), pathname: 'whole', flags, mode: 0o640, data, length: data.length }, 'it')],
    { d: dirfd },
  );
  closeSync(dirfd);
  assert.is(readFileSync(at('whole'), 'utf8'), data);
});

test('checks: a device, a directory, a file system, the working directory', () => {
  const check = (path: string, one: Step): string => {
    const fd = openSync(path, 'r');
    try {
      play('check', [one], { fd });
      return 'good';
    } catch (error) {
      return (error as SyscallError).code;
    } finally {
      closeSync(fd);
    }
  };
  const device = step('check_device', { fd: slot('fd'), major: 1, minor: 3 }, 'the null device');
  assert.equal(
    ['/dev/null', '/dev/zero', directory].map((path) => check(path, device)),
    ['good', 'ENODEV', 'ENODEV'],
  );
  const dir = step('check_dir', { fd: slot('fd') }, 'a directory');
  assert.equal(
    [directory, '/dev/null'].map((path) => check(path, dir)),
    ['good', 'ENOTDIR'],
  );
  const proc = step('check_fs', { fd: slot('fd'), magic: FS_MAGIC.PROC_SUPER_MAGIC }, 'a proc');
  assert.equal(
    ['/proc/sys/kernel', '/proc/self/status', directory].map((path) => check(path, proc)),
    ['good', 'good', 'EXDEV'],
  );
  play('check', [step('check_cwd', {}, 'here')]);
});

test('remove_tree: a deep tree with links out of it, a file, a link, nothing', () => {
  mkdirSync(at('kept'));
  writeFileSync(at('kept/file'), 'kept');
  mkdirSync(join(at('tree'), ...Array.from({ length: 400 }, () => 'deep')), { recursive: true });
  const link = (target: string, linkpath: string): Step =>
    step('symlinkat', { target, newdirfd: AT.AT_FDCWD, linkpath: at(linkpath) }, 'a link');
  const remove = (name: string): Step => step('remove_tree', { dirfd: AT.AT_FDCWD, name: at(name) }, 'away');
  writeFileSync(at('plain'), '');
  mkdirSync(at('tree/deep/wide'));
  for (let i = 0; i < 300; i++) writeFileSync(at(`tree/deep/wide/${'n'.repeat(100)}${i}`), '');
  play('remove', [
    link('../kept', 'tree/out'),
    link(at('kept'), 'tree/deep/out'),
    link('kept', 'alone'),
    ...['tree', 'plain', 'alone', 'never-there'].map(remove),
  ]);
  assert.equal(
    ['tree', 'plain', 'alone'].map((name) => existsSync(at(name))),
    [false, false, false],
  );
  assert.is(readFileSync(at('kept/file'), 'utf8'), 'kept');
});

test('the same on another thread', async () => {
  const ends = buffer(8);
  const made = play('pipe', [step('pipe2', { pipefd: ends, flags: O.O_CLOEXEC }, 'a pipe')]).bytes(ends);
  const read = buffer(1);
  const given = { out: made.readInt32LE(0), in: made.readInt32LE(4) };
  const waiting = playAsync('wait', [step('read', { fd: slot('out'), buf: read, count: 1 }, 'wait')], given);
  play('wake', [step('write', { fd: slot('in'), buf: '!', count: 1 }, 'wake it')], given);
  assert.is((await waiting).bytes(read).toString(), '!');
  play('close', ['in', 'out'].map(close), given);
  const error = await playAsync('fail', [step('fail_at', { errno: 5 }, 'the hook')]).catch((reason: unknown) => reason);
  assert.is((error as SyscallError).code, 'EIO');
});

// --- clones -------------------------------------------------------------------------------------------------------

const P_PIDFD = 3;
const WEXITED = 4;
const waitFor = (info: Struct): Step =>
  step('waitid', { idtype: P_PIDFD, id: slot('pidfd'), infop: info, options: WEXITED }, 'until it ends');
/** si_code and si_status of a siginfo_t. */
const outcome = (info: Buffer): [number, number] => [info.readInt32LE(8), info.readInt32LE(24)];
const CLD_EXITED = 1;

function cloneAndWait(child: Step[], given = {}): [number, number] {
  const info = buffer(128);
  const clone = step('clone', { flags: 0, child, cgroup: null, pidfd: slot('pidfd') }, 'a child', { save: 'pid' });
  const played = play('clone', [clone, waitFor(info), close('pidfd')], given);
  assert.ok(played.value('pid') > 1);
  return outcome(played.bytes(info));
}
const shell = (script: string): Step =>
  step('exec', { candidates: ['/no/such/sh', '/bin/sh'], argv: ['sh', '-c', script], envp: ['A=b'] }, 'a shell');

test('a clone executes; its exit code is there to be waited for', () => {
  assert.equal(cloneAndWait([step('execve', { pathname: '/bin/true', argv: ['true'], envp: [] }, 'true')]), [
    CLD_EXITED,
    0,
  ]);
  assert.equal(cloneAndWait([shell('test "$A" = b && exit 7')]), [CLD_EXITED, 7]);
});

test('what a child changes about itself does not reach this process', () => {
  const [cwd, umask] = [process.cwd(), process.umask()];
  const child = [
    step('chdir', { path: directory }, 'elsewhere'),
    step('umask', { mask: 0o77 }, 'closed'),
    step('setsid', {}, 'alone'),
    shell('umask > where; pwd >> where; cat /proc/$$/stat | cut -d " " -f 1,6 >> where'),
  ];
  assert.equal(cloneAndWait(child), [CLD_EXITED, 0]);
  assert.equal([process.cwd(), process.umask()], [cwd, umask]);
  const [mask, where, ids = ''] = readFileSync(at('where'), 'utf8').split('\n');
  assert.equal([mask, where], ['0077', directory]);
  const [pid, session] = ids.split(' ');
  assert.is(pid, session);
});

test('a child starts with no signal ignored or blocked, whatever Node ignores', () => {
  const script = `grep -E "^Sig(Ign|Blk)" /proc/self/status > ${at('signals')}`;
  assert.equal(cloneAndWait([shell(script)]), [CLD_EXITED, 0]);
  const masks = readFileSync(at('signals'), 'utf8').match(/[0-9a-f]{16}/g);
  assert.equal(masks, ['0'.repeat(16), '0'.repeat(16)]);
  assert.not.match(readFileSync('/proc/self/status', 'utf8'), /SigIgn:\t0{16}/, 'Node does ignore some');
});

test('close-on-exec descriptors do not reach the command; those that are placed do', () => {
  const fd = openSync(at('out'), 'w');
  assert.ok(fd > 10, 'above what ls opens for itself');
  const child = [step('dup3', { oldfd: slot('out'), newfd: 9, flags: 0 }, 'placed'), shell('ls /proc/self/fd >&9')];
  assert.equal(cloneAndWait(child, { out: fd }), [CLD_EXITED, 0]);
  closeSync(fd);
  const inherited = readFileSync(at('out'), 'utf8').trim().split('\n').map(Number);
  assert.ok(inherited.includes(9));
  assert.not(inherited.includes(fd));
});

test('a failure inside a clone inside a clone is that step’s; no process is left', () => {
  const inner = [mark('inner'), step('chdir', { path: '/no/such' }, 'the culprit'), shell('exit 0')];
  const clone = (child: Step[], why: string): Step =>
    step('clone', { flags: 0, child, cgroup: null, pidfd: slot('pidfd') }, why, { save: 'pid' });
  const steps = [mark('outer'), clone([mark('middle'), clone(inner, 'inner'), shell('exit 0')], 'outer'), mark('late')];
  const error = fails(() => play('nested', steps));
  assert.equal([error.syscall, error.path, error.step], ['chdir', '/no/such', 'the culprit']);
  assert.equal(
    ['outer', 'middle', 'inner', 'late'].map((name) => existsSync(at(name))),
    [true, true, true, false],
  );
});

test('what a clone has cloned does not go on when the clone fails behind it', async () => {
  // Whoever runs has the fifo open for writing; without a writer, reading says that it has ended.
  const fifo = { dirfd: AT.AT_FDCWD, pathname: at('alive'), mode: 0o010600, dev: 0 };
  play('fifo', [step('mknodat', fifo, 'a fifo')]);
  const reader = openSync(at('alive'), O.O_NONBLOCK);
  const writer = openSync(at('alive'), O.O_WRONLY);
  const orphan = [step('dup3', { oldfd: slot('writer'), newfd: 9, flags: 0 }, 'alive'), shell('exec sleep 600')];
  const clone = (child: Step[], save: string): Step =>
    step('clone', { flags: 0, child, cgroup: null, pidfd: null }, save, { save });
  const outer = clone([clone(orphan, 'orphan'), step('fail_at', { errno: 28 }, 'the hook')], 'outer');
  assert.is(fails(() => play('fail', [outer], { writer })).code, 'ENOSPC');
  closeSync(writer);
  const ended = (): boolean => {
    try {
      return readSync(reader, Buffer.alloc(1)) === 0;
    } catch {
      return false; // EAGAIN: somebody could still write
    }
  };
  const deadline = performance.now() + 5000;
  while (!ended() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(ended());
  closeSync(reader);
});

test('a child that never executes is an error, not a hang', () => {
  const clone = step('clone', { flags: 0, child: [mark('lost')], cgroup: null, pidfd: null }, 'lost', { save: 'pid' });
  assert.is(fails(() => play('lost', [clone])).code, 'ENOSYS');
});

test('the command: 127 when it is nowhere, 126 and its own name when it is denied', () => {
  writeFileSync(at('denied'), '#!/bin/sh\n');
  chmodSync(at('denied'), 0o644);
  const run = (...candidates: string[]): SyscallError =>
    fails(() => cloneAndWait([step('exec', { candidates, argv: ['x'], envp: [] }, 'the command')]));
  const nowhere = run(at('a/x'), at('denied/x'), at('b/x'));
  assert.equal([nowhere.code, nowhere.exitCode, nowhere.path], ['ENOENT', 127, 'x']);
  for (const candidates of [[at('denied'), at('b/x')], [at('b/x'), at('denied')], [at('denied')]]) {
    const denied = run(...candidates);
    assert.equal([denied.code, denied.exitCode, denied.path], ['EACCES', 126, at('denied')]);
  }
  const through = run(at('denied/x'));
  assert.equal([through.code, through.exitCode], ['ENOTDIR', 127]);
});

all.run();
