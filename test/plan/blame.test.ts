import { constants } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import { MS } from '../../src/kernel/constants.ts';
import { fdPath } from '../../src/plan/arguments.ts';
import { blame } from '../../src/plan/blame.ts';
import { type Step, step } from '../../src/plan/step.ts';

const test = suite('blame');
const { ENOENT, EACCES, ENOTDIR, ENOEXEC, EPERM, EINVAL } = constants.errno;
const overlay = step(
  'mount',
  { source: 'overlay', target: '/m', filesystemtype: 'overlay', mountflags: 0, data: 'lowerdir=a' },
  'layers',
);
const exec = (candidates: string[], ...argv: string[]): Step =>
  step('exec', { candidates, argv, envp: [] }, 'the command');

test('goal: call: CODE meaning, the hint apart, the fields of Node’s errors', () => {
  const error = blame('run ./r', overlay, EINVAL, 0);
  assert.is(error.message, 'run ./r: mount("overlay", "/m", "overlay", 0, "lowerdir=a"): EINVAL invalid argument');
  assert.match(error.hint ?? '', /--data-root/);
  assert.is(error.code, 'EINVAL');
  assert.is(error.errno, -EINVAL);
  assert.is(error.syscall, 'mount');
  assert.is(error.path, '/m');
  assert.is(error.step, 'layers');
  assert.is(error.kind, 'system');
  assert.is(error.exitCode, 125);
  assert.instance(error, TsrunError);
});

test('a hint is for its call: another mount has another one', () => {
  const bind = step(
    'mount',
    { source: '/x', target: fdPath('target'), filesystemtype: null, mountflags: MS.MS_BIND, data: null },
    'the host’s x, at /y',
  );
  const error = blame('run', bind, EINVAL, 0);
  assert.is(error.hint, 'this step is there to: the host’s x, at /y', 'no hint in the table: what the step is for');
  assert.is(error.path, undefined, 'a descriptor is no path');
  assert.match(blame('run', bind, ENOENT, 0).hint ?? '', /source/);
});

test('a working directory that is not there: the hint is for -w, and not for a chdir of ours', () => {
  const chdir = (path: string) => blame('exec c', step('chdir', { path }, 'the working directory'), ENOENT, 0);
  assert.match(chdir('/srv/nope').hint ?? '', /-w$/);
  assert.match(chdir('/var/lib/tsrun/overlay2').hint ?? '', /^this step is there to/);
});

test('an errno without a name still says its number', () => {
  assert.match(blame('run', overlay, 4000, 0).message, /: errno 4000 unknown error$/);
});

test('a clone is called what the kernel calls it', () => {
  const clone = step('clone', { flags: 0, child: [], cgroup: null, pidfd: null }, 'a child');
  const error = blame('run', clone, EPERM, 0);
  assert.is(error.syscall, 'clone3');
  assert.match(error.hint ?? '', /root/);
});

const commands: [string, Step, number, number, { exitCode: number; path: string; message: RegExp }][] = [
  [
    'a name that no directory of $PATH has',
    exec(['/bin/nope', '/usr/bin/nope'], 'nope'),
    ENOENT,
    1,
    {
      exitCode: 127,
      path: 'nope',
      message: /^run: execve\("nope"\), searched in \$PATH inside the container: ENOENT no such/,
    },
  ],
  [
    'a path that is not there',
    exec(['/no/such'], '/no/such', 'a b'),
    ENOENT,
    0,
    { exitCode: 127, path: '/no/such', message: /^run: execve\("\/no\/such", \["\/no\/such", "a b"\]\): ENOENT/ },
  ],
  [
    'a path through a file',
    exec(['/etc/passwd/x'], '/etc/passwd/x'),
    ENOTDIR,
    0,
    { exitCode: 127, path: '/etc/passwd/x', message: /ENOTDIR/ },
  ],
  [
    'one that may not be executed: the candidate that was denied',
    exec(['/bin/x', '/usr/bin/x'], 'x'),
    EACCES,
    1,
    { exitCode: 126, path: '/usr/bin/x', message: /execve\("\/usr\/bin\/x", \["x"\]\): EACCES/ },
  ],
  [
    'no program for this machine',
    exec(['/bin/x'], 'x'),
    ENOEXEC,
    0,
    { exitCode: 126, path: '/bin/x', message: /ENOEXEC exec format error/ },
  ],
];
for (const [what, one, errno, detail, expected] of commands) {
  test(`the command: ${what}`, () => {
    const error = blame('run', one, errno, detail);
    assert.is(error.exitCode, expected.exitCode);
    assert.is(error.path, expected.path);
    assert.match(error.message, expected.message);
    assert.is(error.syscall, 'execve');
    assert.ok(error.hint, 'with a hint');
  });
}

test('E2BIG: a message shows twenty arguments and a hundred characters of each', () => {
  const long = 'x'.repeat(200_000);
  const argv = ['/bin/x', long, ...Array.from({ length: 5000 }, (_, i) => `${i}`)];
  const reaper = step('execveat', { dirfd: 3, pathname: '', argv, envp: argv, flags: 0 }, 'the reaper');
  for (const one of [exec(['/bin/x'], ...argv), reaper, exec([long], long), exec([`/a${long}`, `/b${long}`], long)]) {
    const { message } = blame('run', one, constants.errno.E2BIG, 0);
    assert.ok(message.length < 1000, message.slice(0, 2000));
    assert.match(message, /"x{100}"\.\.\.|"\/ax{98}"\.\.\./);
  }
  assert.match(blame('run', reaper, 7, 0).message, /"17", \.\.\. 4982 more\], .*E2BIG/);
  assert.match(blame('run', exec(['/no'], ...argv.slice(0, 20)), 7, 0).message, /"17"\]\): E2BIG/);
});

test('read-only cgroups are not the data root’s fault', () => {
  const make = (pathname: string) =>
    blame('run', step('make_dir', { dirfd: -100, pathname, mode: 0o755 }, 'a cgroup'), constants.errno.EROFS, 0).hint;
  assert.match(make(`/sys/fs/cgroup/pids/tsrun-${'5e'.repeat(32)}`) ?? '', /cgroup file system is mounted read-only/);
  assert.match(make(`/var/lib/tsrun/overlay2/${'5e'.repeat(32)}`) ?? '', /--data-root/);
});

test('a step that the plan does not have is our defect, and says so', () => {
  assert.match(blame('run', undefined, EPERM, 0).message, /a step that the plan does not have/);
});

test.run();
