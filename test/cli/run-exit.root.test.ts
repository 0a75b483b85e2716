import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('run: exit codes and the command'), root(), overlay(), tool('cc'));
let world: World;
let rootfs = '';
test.before(async () => {
  world = await World.open();
  rootfs = world.copy();
  write(join(rootfs, 'bin/no-shebang'), 'echo no shebang\n', 0o755);
  write(join(rootfs, 'bin/no-interpreter'), '#!/no/such/interpreter\n', 0o755);
  write(join(rootfs, 'bin/not-executable'), '#!/bin/sh\n', 0o644);
  write(
    join(rootfs, 'bin/other-machine'),
    Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(100)]),
    0o755,
  );
  mkdirSync(join(rootfs, 'bin/directory'));
  symlinkSync('nowhere', join(rootfs, 'bin/dangling'));
  mkdirSync(join(rootfs, 'first'));
  mkdirSync(join(rootfs, 'second'));
  write(join(rootfs, 'first/tool'), 'not for you\n', 0o644);
  write(join(rootfs, 'second/tool'), '#!/bin/sh\necho second\n', 0o755);
});
test.after(() => world?.close());

for (const flags of [[], ['--init']]) {
  test(`the command’s own exit code, ${flags.join('') || 'plain'}`, () => {
    for (const code of [0, 1, 42, 125, 126, 127, 255])
      assert.is(world.run(['sh', '-c', `exit ${code}`], flags).code, code);
    assert.is(world.run(['true'], flags).code, 0);
    assert.is(world.run(['false'], flags).code, 1);
  });

  test(`128 + n for a signal, ${flags.join('') || 'plain'}`, () => {
    for (const [name, code] of [
      ['KILL', 137],
      ['TERM', 143],
      ['SEGV', 139],
      ['ABRT', 134],
      ['RTMIN', 162],
    ] as const) {
      // PID 1 is not killed by a signal of its own namespace: its child is, and says so.
      const { code: got, stderr } = world.run(['bash', '-c', `bash -c 'kill -${name} $$'; exit $?`], flags);
      assert.is(got, code, `${name} ${stderr}`);
    }
  });
}

test('128 + n when PID 1 itself is killed from outside', async () => {
  const pidfile = join(world.dir, 'pid');
  const live = world.start(['sleep', '600'], ['--pidfile', pidfile]);
  await until('the pid file', () => existsSync(pidfile));
  process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGKILL');
  assert.is((await live.ended).code, 137);
});

const CASES: [what: string, command: string, code: number, message: RegExp][] = [
  ['is not in PATH', 'nosuch', 127, /execve\("nosuch"\), searched in \$PATH.*: ENOENT /],
  ['is not at its path', '/no/such', 127, /execve\("\/no\/such".*: ENOENT /],
  ['is a dangling link', '/bin/dangling', 127, /ENOENT/],
  ['has a file as a directory', '/etc/passwd/x', 127, /ENOTDIR/],
  ['has an interpreter that is missing', '/bin/no-interpreter', 127, /ENOENT/],
  ['is not executable', '/bin/not-executable', 126, /EACCES/],
  ['is not executable, by PATH', 'not-executable', 126, /EACCES/],
  ['is a directory', '/bin/directory', 126, /EACCES/],
  ['is the root', '/', 126, /EACCES/],
  ['is a script without #!', 'no-shebang', 126, /ENOEXEC/],
  ['is for another machine', 'other-machine', 126, /ENOEXEC/],
  ['is empty', '', 127, /ENOENT/],
];
for (const [what, command, code, message] of CASES) {
  test(`${code} for a command that ${what}`, () => {
    const { code: got, stdout, stderr } = world.run([command], [], { rootfs });
    assert.is(got, code, stderr);
    assert.is(stdout, '');
    assert.match(stderr, /^tsrun: run \S+: /);
    assert.match(stderr, message);
    assert.equal(world.ids(), []);
  });

  test(`${code} with --init for a command that ${what}`, () => {
    const { code: got, stderr } = world.run([command], ['--init'], { rootfs });
    assert.is(got, code, stderr);
    assert.match(stderr, /cannot execute/);
  });
}

test('125 when tsrun is to blame', () => {
  assert.is(world.run(['true'], ['--nonsuch']).code, 125);
  assert.is(world.run(['true'], ['--network', 'nonsuch']).code, 125);
  assert.is(world.run(['true'], [], { rootfs: join(world.dir, 'nonsuch') }).code, 125);
  assert.is(world.tsrun.run(['run']).code, 125);
  assert.is(world.run([]).code, 125);
});

test('a command is looked up in the container’s PATH, the user’s when given', () => {
  const path = (value: string, ...flags: string[]) =>
    world.run(['tool'], ['-e', `PATH=${value}`, ...flags], { rootfs });
  assert.is(path('/second').stdout, 'second\n');
  assert.is(path('/first:/second:/bin').stdout, 'second\n', 'what cannot be executed is passed over');
  assert.is(path('/first').code, 126);
  assert.is(path('/nonsuch').code, 127);
  assert.is(path('second:.', '-w', '/second').code, 127, 'a relative element names whatever the working directory is');
  assert.is(path('', '-w', '/second').code, 127);
  assert.is(path('', '-w', '/second', '--init').code, 127);
  assert.is(path('/first:/second:/bin', '--init').stdout, 'second\n');
});

test('the caller’s PATH has no say', () => {
  assert.is(world.run(['tool'], [], { rootfs, env: { PATH: `/second:${process.env.PATH}` } }).code, 127);
});

test('a relative command with a slash starts at the working directory', () => {
  assert.is(world.run(['./tool'], ['-w', '/second'], { rootfs }).stdout, 'second\n');
  assert.is(world.run(['second/tool'], [], { rootfs }).stdout, 'second\n');
});

test('--entrypoint takes the command as its arguments', () => {
  assert.is(world.run(['a', 'b c'], ['--entrypoint', '/bin/echo']).stdout, 'a b c\n');
  assert.is(world.run([], ['--entrypoint', 'pwd']).stdout, '/\n');
  assert.is(world.run(['echo', 'x'], ['--entrypoint', '']).stdout, 'x\n');
  assert.is(world.run(['x'], ['--entrypoint', '/nonsuch']).code, 127);
});

test('arguments arrive byte for byte', () => {
  const words = ['', ' ', 'a b', "'", '"', '$x', '\\', '*', 'é€𝄞', '-x', '--', 'a\nb', '\t', 'x'.repeat(100_000)];
  assert.is(world.run(['printf', '%s\\0', ...words]).stdout, words.map((word) => `${word}\0`).join(''));
});

test('options end at the root directory', () => {
  assert.is(world.run(['echo', '--rm', '-it', '--name', 'x']).stdout, '--rm -it --name x\n');
  assert.is(world.run(['--', 'x'], []).code, 127, 'the words after the root directory are all the command’s');
});

test('an environment that is too large says so', () => {
  const file = join(world.dir, 'env');
  write(file, Array.from({ length: 60 }, (_, i) => `BIG${i}=${'x'.repeat(60_000)}\n`).join(''));
  const { code, stderr } = world.run(['true'], ['--env-file', file]);
  assert.is(code, 126, stderr);
  assert.match(stderr, /E2BIG/);
  assert.ok(stderr.length < 4096, `${stderr.length} characters of error`);
});

test.run();
