import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { World } from '../support/world.ts';

const LEGACY = '/proc/sys/dev/tty/legacy_tiocsti';
/** Since Linux 6.2 it can be off; without CAP_SYS_ADMIN nobody can push then. */
const pushing = { ok: !existsSync(LEGACY) || readFileSync(LEGACY, 'utf8').trim() === '1', reason: `${LEGACY} is 0` };

const test = needs(suite('terminal'), root(), overlay(), tool('cc'), pushing);
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

test('TIOCSTI (CVE-2017-5226): who shares the caller’s terminal can push input', async () => {
  const shared = world.onTerminal([], {}, [world.probe, 'push']);
  assert.is(await shared.end(), 0);
  assert.match(shared.shown, /stdin ok\r\n/);
  assert.ok(shared.modes('end').waiting >= 2, 'it waits for the next reader: the tests below can fail');
});

for (const flags of [[], ['-i'], ['--init'], ['--privileged', '-i']]) {
  test(`TIOCSTI (CVE-2017-5226): a container cannot push into the caller’s terminal, run ${flags.join(' ')}`, async () => {
    const terminal = world.onTerminal(['run', '--rm', ...flags, world.rootfs, '/probe', 'push']);
    assert.is(await terminal.end(), 0, terminal.shown);
    assert.match(
      terminal.shown,
      /^(tsrun: warning: .*\r\n)?stdin E\w+\r\nstdout E\w+\r\nstderr E\w+\r\n\/dev\/tty E\w+\r\n$/,
    );
    assert.is(terminal.modes('end').waiting, 0);
  });
}

for (const flags of [['-t'], ['-i', '-t'], ['-i', '-t', '--init']]) {
  test(`TIOCSTI (CVE-2017-5226, CVE-2019-18837): with ${flags.join(' ')} it pushes into its own terminal only`, async () => {
    const terminal = world.onTerminal(['run', '--rm', ...flags, world.rootfs, '/probe', 'push']);
    assert.is(await terminal.end(), 0, terminal.shown);
    assert.match(terminal.shown, /stdin ok/, 'its own: allowed');
    assert.is(terminal.modes('end').waiting, 0, 'nothing for the caller’s shell');
  });
}

test('TIOCSTI: no controlling terminal of the caller’s is inherited', async () => {
  const script = 'cut -d" " -f7 /proc/self/stat; (: < /dev/tty) 2>&1; tty; ps -o tty= -p 1';
  const terminal = world.onTerminal(['run', '--rm', '-i', world.rootfs, 'sh', '-c', script]);
  await terminal.end();
  assert.match(terminal.shown, /^0\r\n.*No such device or address\r\nnot a tty\r\n\?\r\n$/);
});

test('terminal: -t gives one of the container’s own devpts, and a session that it controls', async () => {
  const script =
    'tty; ls -1 /dev/pts; stat -c %t:%T /dev/console; cut -d" " -f5-8 /proc/self/stat; (: < /dev/tty) && echo control';
  const terminal = world.onTerminal(['run', '--rm', '-it', world.rootfs, 'sh', '-c', `cd /; ${script}`]);
  assert.is(await terminal.end(), 0);
  assert.match(terminal.shown, /^\/dev\/pts\/0\r\n0\r\nptmx\r\n88:0\r\n1 1 34816 \d+\r\ncontrol\r\n$/);
});

test('terminal: the caller’s is no descriptor of the container, and none of the host’s pts', async () => {
  for (const flags of ['-it', '-i']) {
    const terminal = world.onTerminal([
      'run',
      '--rm',
      flags,
      world.rootfs,
      'sh',
      '-c',
      'readlink /proc/1/fd/*; ls /dev/pts | wc -l',
    ]);
    await terminal.end();
    assert.match(
      terminal.shown,
      flags === '-it' ? /^(\/dev\/pts\/0\r\n){3,}2\r\n$/ : /^(pipe:\[\d+\]\r\n){3}1\r\n$/,
      flags,
    );
  }
});

test.run();
