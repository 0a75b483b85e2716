import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';
import { World } from '../support/world.ts';

const test = needs(suite('run: a real terminal'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const run = (...words: string[]): string[] => ['run', '--rm', ...words];

test('-t: the window’s size is there before the command starts', async () => {
  const terminal = world.onTerminal(run('-it', world.rootfs, 'stty', 'size'), { rows: 43, columns: 117 });
  assert.is(await terminal.end(), 0);
  assert.is(terminal.shown, '43 117\r\n');
});

test('-t: a change of the window’s size is followed, and the command told', async () => {
  const script = 'trap "stty size; exit 5" WINCH; echo up; while :; do sleep 0.02; done';
  const terminal = world.onTerminal(run('-it', world.rootfs, 'bash', '-c', script), { rows: 24, columns: 80 });
  await terminal.waitFor('up');
  terminal.resize(50, 132);
  assert.is(await terminal.end(), 5);
  assert.match(terminal.shown, /50 132/);
});

test('-it: what is typed arrives, ^C is the container’s, and the caller’s terminal is raw meanwhile', async () => {
  const script =
    'trap "echo interrupted; exit 6" INT; echo up; read line; echo "line: $line"; while :; do sleep 0.02; done';
  const terminal = world.onTerminal(run('-it', world.rootfs, 'bash', '-c', script));
  await terminal.waitFor('up');
  assert.is((await terminal.modesNow()).raw, true);
  terminal.type('typed é\r');
  await terminal.waitFor(/line: typed/);
  terminal.type('\x03');
  assert.is(await terminal.end(), 6);
  assert.match(terminal.shown, /interrupted/);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags, 'its modes are back');
});

test('-it: ^D ends the input of the container, not ours', async () => {
  const terminal = world.onTerminal(run('-it', world.rootfs, 'sh', '-c', 'echo up; cat; echo after'));
  await terminal.waitFor('up');
  terminal.type('\x04');
  assert.is(await terminal.end(), 0);
  assert.match(terminal.shown, /after\r\n$/);
});

for (const [how, flags] of [
  ['a normal end', []],
  ['a normal end with --init', ['--init']],
] as const) {
  test(`-it: the terminal’s modes come back after ${how}`, async () => {
    const terminal = world.onTerminal(run('-it', ...flags, world.rootfs, 'sh', '-c', 'stty raw -echo; exit 3'));
    assert.is(await terminal.end(), 3);
    assert.is(terminal.modes('end').flags, terminal.modes('begin').flags);
  });
}

test('-it: the terminal’s modes come back after a failed start', async () => {
  const terminal = world.onTerminal(run('-it', world.rootfs, '/no/such'));
  assert.is(await terminal.end(), 127);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags);
});

test('-it: the terminal’s modes come back after SIGKILL of PID 1', async () => {
  const pidfile = join(world.dir, 'pid-kill');
  const terminal = world.onTerminal(
    run('-it', '--pidfile', pidfile, world.rootfs, 'sh', '-c', 'echo up; exec sleep 600'),
  );
  await terminal.waitFor('up');
  await until('the pid file', () => existsSync(pidfile));
  process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGKILL');
  assert.is(await terminal.end(), 137);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags);
});

test('-it: SIGTERM of the command line is the command’s, and the terminal’s modes come back', async () => {
  const script = 'trap "exit 9" TERM; echo up; while :; do sleep 0.02; done';
  const terminal = world.onTerminal(run('-it', world.rootfs, 'bash', '-c', script));
  await terminal.waitFor('up');
  process.kill(await terminal.pid(), 'SIGTERM');
  assert.is(await terminal.end(), 9);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags);
});

test('-it: 1 MiB through the terminal', async () => {
  const terminal = world.onTerminal(
    run('-it', world.rootfs, 'sh', '-c', 'stty -opost; head -c 1048576 /dev/zero | tr "\\0" x; echo; echo end'),
  );
  assert.is(await terminal.end(), 0);
  assert.is(terminal.shown.length, 1_048_576 + '\nend\n'.length);
});

test('-t without -i: no input of the caller’s, a size all the same', async () => {
  const terminal = world.onTerminal(run('-t', world.rootfs, 'sh', '-c', 'test -t 0 && stty size'), {
    rows: 30,
    columns: 90,
  });
  assert.is(await terminal.end(), 0);
  assert.match(terminal.shown, /^30 90\r+\n$/);
});

test('-it from a pipe is refused in Docker’s words', () => {
  const { code, stderr } = world.run(['true'], ['-it']);
  assert.is(code, 1);
  assert.match(stderr, /the input device is not a TTY/);
  assert.equal(world.ids(), []);
});

test('-t from a pipe works, its output as of a terminal', () => {
  const { code, stdout } = world.run(['sh', '-c', 'test -t 1 && echo terminal; echo err >&2'], ['-t']);
  assert.equal([code, stdout], [0, 'terminal\r\nerr\r\n']);
});

test('without -t there is none, even for a caller with one', async () => {
  const terminal = world.onTerminal(
    run('-i', world.rootfs, 'sh', '-c', 'test -t 0 || test -t 1 || test -t 2 || echo none'),
  );
  assert.is(await terminal.end(), 0);
  assert.is(terminal.shown, 'none\r\n');
});

test.run();
