import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import type { Pty } from '../support/pty.ts';
import { expectOk, until } from '../support/tsrun.ts';
import { World } from '../support/world.ts';

const test = needs(suite('attach: a real terminal, and the keys that detach'), root(), overlay(), tool('cc'));
const ECHO = 'stty -echo; echo up; while read x; do echo "got $x"; done; exit 5';
const DETACH = '\x10\x11';
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const ok = (...words: string[]): string => expectOk(world.tsrun.run(words));
const logs = (name: string): string => ok('logs', name);
const statusOf = (name: string): string => world.tsrun.inspect(name, '{{.State.Status}}');
const terminalOf = (words: string[], size?: { rows: number; columns: number }): Pty => world.onTerminal(words, size);

async function detached(name: string, script: string, shell = 'sh'): Promise<void> {
  ok('run', '-dit', '--name', name, world.rootfs, shell, '-c', script);
  await until('its start', () => logs(name).includes('up'));
}

async function types(terminal: Pty, text: string): Promise<void> {
  terminal.type(`${text}\r`);
  await terminal.waitFor(`got ${text}`);
}

/** It is attached: what is typed now is the container's. */
async function isRaw(terminal: Pty): Promise<void> {
  while (!(await terminal.modesNow()).raw) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function expectDetached(terminal: Pty): Promise<void> {
  assert.is(await terminal.end(), 0);
  assert.match(terminal.shown, /read escape sequence\r\n$/);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags, 'its modes are back');
}

test('^P^Q leaves run -it, attach and start -ai; the container goes on, and its exit code is heard by who stays', async () => {
  const run = terminalOf(['run', '-it', '--name', 'keys', world.rootfs, 'sh', '-c', ECHO]);
  await run.waitFor('up');
  await types(run, 'one');
  run.type(DETACH);
  await expectDetached(run);
  const attach = terminalOf(['attach', 'keys']);
  await types(attach, 'two');
  attach.type('\x10');
  attach.type('\x11');
  await expectDetached(attach);
  assert.is(statusOf('keys'), 'running');
  const last = terminalOf(['attach', 'keys']);
  await types(last, 'three');
  last.type('\x04');
  assert.is(await last.end(), 5);
  const start = terminalOf(['start', '-ai', 'keys']);
  await start.waitFor('up');
  start.type(DETACH);
  await expectDetached(start);
  const again = terminalOf(['start', '-ai', 'keys']); // it runs: start -a attaches
  await types(again, 'four');
  again.type(DETACH);
  await expectDetached(again);
  assert.match(logs('keys'), /got one\r\ngot two\r\ngot three\r\nup\r\ngot four\r\n/);
});

test('who leaves by the keys is no event, as with Docker’s own client', async () => {
  await detached('left', ECHO);
  const terminal = terminalOf(['attach', 'left']);
  await types(terminal, 'one');
  terminal.type(DETACH);
  await expectDetached(terminal);
  const exec = terminalOf(['exec', '-it', 'left', 'sh', '-c', ECHO]);
  await exec.waitFor('up');
  exec.type(DETACH);
  await expectDetached(exec);
  const events = ok('events', '--since', '0', '--until', '0s', '--filter', 'container=left', '--format', '{{.Action}}');
  const said = events.split('\n').map((action) => action.replace(/: .*/, ''));
  assert.equal(said, ['create', 'start', 'attach', 'exec_create', 'exec_start', '']);
});

test('--detach-keys: others, and ^P^Q is then the container’s', async () => {
  await detached(
    'other-keys',
    'stty -echo -icanon -ixon; echo up; while IFS= read -r -n 1 x; do printf "<%s>" "$x"; done',
    'bash',
  );
  const terminal = terminalOf(['attach', '--detach-keys', 'ctrl-a,x', 'other-keys']);
  terminal.type('yz');
  await terminal.waitFor('<y><z>');
  terminal.type(`${DETACH}\x01a`);
  await terminal.waitFor('<\x10><\x11><\x01><a>');
  terminal.type('\x01x');
  await expectDetached(terminal);
  const bad = world.tsrun.run(['attach', '--no-stdin', '--detach-keys', 'ctrl-', 'other-keys']);
  assert.is.not(bad.code, 0);
  assert.match(bad.stderr, /detach-keys/);
});

test('a lone ^P comes through by itself, ^P^P^Q detaches, and so does a slow ^P, ^Q', async () => {
  await detached(
    'lone',
    'stty -echo -icanon -ixon; echo up; while IFS= read -r -n 1 x; do printf "<%s>" "$x"; done',
    'bash',
  );
  const terminal = terminalOf(['attach', 'lone']);
  terminal.type('\x10');
  await terminal.waitFor('<\x10>');
  terminal.type(`\x10${DETACH}`);
  await expectDetached(terminal);
  assert.match(logs('lone'), /<\x10><\x10>$/);
  const slow = terminalOf(['attach', 'lone']);
  slow.type('!\x10');
  await slow.waitFor('<!><\x10>');
  slow.type('\x11');
  await expectDetached(slow);
  assert.match(logs('lone'), /<!><\x10>$/);
});

test('twenty thousand lines, written one by one, reach who attached: it is not dropped', async () => {
  const script = 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i + 1)); done; exit 3';
  await detached('burst', `stty -echo; echo up; read x; ${script}`);
  const terminal = terminalOf(['attach', 'burst']);
  await isRaw(terminal);
  terminal.type('\r');
  assert.is(await terminal.end(), 3);
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\r\n`).join('');
  assert.ok(terminal.shown.endsWith(lines), terminal.shown.slice(-200));
});

test('^C is a byte of the container’s, and SIGTERM is the client’s own', async () => {
  await detached('interrupted', 'trap "echo int" INT; trap "echo term" TERM; echo up; while :; do sleep 0.05; done');
  const terminal = terminalOf(['attach', 'interrupted']);
  await isRaw(terminal);
  terminal.type('\x03');
  await terminal.waitFor('int');
  process.kill(await terminal.pid(), 'SIGTERM');
  assert.is(await terminal.end(), 143);
  assert.is(terminal.modes('end').flags, terminal.modes('begin').flags, 'its modes are back');
  assert.is(statusOf('interrupted'), 'running');
  assert.not.match(logs('interrupted'), 'term');
});

test('the window’s size: two SIGWINCH for who comes, so that programs draw; changes; the last of two clients', async () => {
  await detached('size', 'trap "stty size" WINCH; echo up; while :; do sleep 0.02; done');
  const first = terminalOf(['attach', 'size'], { rows: 33, columns: 99 });
  await first.waitFor('33 99');
  const before = logs('size').split('33 99').length;
  const same = terminalOf(['attach', 'size'], { rows: 33, columns: 99 });
  await same.waitFor('33 99');
  await until('it was drawn anew', () => logs('size').split('33 99').length > before);
  first.resize(20, 70);
  await same.waitFor('20 70');
  same.resize(40, 140);
  await first.waitFor('40 140');
});

test('the caller’s terminal goes away: who attached is gone, and what runs stays and can be attached to', async () => {
  await detached('hung-up', `trap 'echo hup' HUP; ${ECHO}`);
  const window = terminalOf(['attach', 'hung-up']);
  await types(window, 'one');
  const client = await window.pid();
  window.kill();
  await until('the end of the client', () => !isThere(client));
  const next = terminalOf(['attach', 'hung-up']);
  await types(next, 'two');
  assert.not.match(logs('hung-up'), 'hup');
});

test('the terminal of run -it goes away: SIGHUP, and who does not end by that can be attached to', async () => {
  const script = `trap 'echo hup' HUP; ${ECHO.replace('while read x; do', 'while read x || [ $? -gt 128 ]; do')}`;
  const window = terminalOf(['run', '-it', '--name', 'survivor', world.rootfs, 'bash', '-c', script]);
  await types(window, 'one');
  const client = await window.pid();
  window.kill();
  await until('SIGHUP', () => logs('survivor').includes('hup'));
  await until('the end of the client', () => !isThere(client));
  const next = terminalOf(['attach', 'survivor']);
  await types(next, 'two');
});

test('-it from a pipe: attach refuses as run does', async () => {
  await detached('piped', ECHO);
  for (const words of [['attach'], ['start', '-ai']]) {
    const { code, stderr } = world.tsrun.run([...words, 'piped']);
    assert.is(code, 1);
    assert.match(stderr, /the input device is not a TTY/);
  }
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.run();
