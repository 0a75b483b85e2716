import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONTROL, HELLO, PROTOCOL_VERSION } from '../../src/kernel/protocol.ts';
import { cpuTicks, descriptorsOf, monitorOf, RawClient, word } from '../support/monitor-client.ts';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, PATIENCE_MS, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('the monitor and odd clients'), root(), overlay(), tool('cc'));
const EAGAIN = 11;
const EMFILE = 24;
const EPROTO = 71;
let tsrun: Tsrun;
let hello: string;
let regular: string;

test.before(async () => {
  tsrun = await openTsrun();
  hello = join(tsrun.directory, 'hello');
  regular = join(tsrun.directory, 'file');
  writeFileSync(regular, '');
  const source = join(import.meta.dirname, '..', 'support', 'hello.c');
  assert.is(spawnSync('cc', ['-O1', '-o', hello, source]).status, 0);
});
test.after(() => tsrun?.close());

/** A detached container that repeats, on its standard output, what it is given to read. */
function begin(name: string, flags: readonly string[] = ['-i'], script = 'echo up; exec cat'): string {
  return expectOk(tsrun.run(['run', '-d', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script])).trim();
}

async function expectServes(name: string): Promise<void> {
  const client = tsrun.spawn(['attach', name]);
  client.child.stdin!.write(`echo of ${name}\n`);
  await client.waitFor(`echo of ${name}`);
  client.child.kill('SIGKILL');
  await client.ended;
}

/** It serves, and holds nothing more than before. */
async function expectUnharmed(name: string, before: readonly string[]): Promise<void> {
  await expectServes(name);
  const monitor = monitorOf(tsrun, name);
  await until(
    () => `${before.length} descriptors, not\n${descriptorsOf(monitor).join('\n')}`,
    () => descriptorsOf(monitor).length === before.length,
  );
  assert.equal(descriptorsOf(monitor), before);
}

test('silence, half a message, garbage and words before HELLO hurt nobody', async () => {
  const id = begin('garbage');
  const before = descriptorsOf(monitorOf(tsrun, 'garbage'));
  const silent = await RawClient.open(tsrun, id);
  const half = await RawClient.open(tsrun, id);
  half.say(word(CONTROL.hello, PROTOCOL_VERSION).subarray(0, 5));
  await half.end();
  const garbage = await RawClient.open(tsrun, id);
  garbage.say(Buffer.alloc(1_000_003, 0x5a));
  await garbage.end();
  const early = await RawClient.open(tsrun, id);
  early.say(
    Buffer.concat([word(CONTROL.signal, 9), word(CONTROL.inputEnded, 0), word(CONTROL.hello, PROTOCOL_VERSION)]),
  );
  assert.equal(await early.hear(), [{ type: CONTROL.welcome, value: PROTOCOL_VERSION }]);
  early.say(
    Buffer.concat([word(CONTROL.signal, -7), word(CONTROL.signal, 999), word(CONTROL.outputGone, 77), word(99, 1)]),
  );
  early.say(word(CONTROL.hello, PROTOCOL_VERSION | HELLO.terminal));
  for (const client of [silent, early]) client.socket.destroy();
  await expectUnharmed('garbage', before);
});

test('another version is refused', async () => {
  const id = begin('version');
  const before = descriptorsOf(monitorOf(tsrun, 'version'));
  const client = await RawClient.open(tsrun, id);
  client.say(word(CONTROL.hello, PROTOCOL_VERSION + 1));
  assert.equal(await client.hear(), [{ type: CONTROL.refused, value: EPROTO }]);
  await client.end();
  await expectUnharmed('version', before);
});

const ALL = HELLO.input | HELLO.output | HELLO.errors;
for (const [what, streams, files, refusal] of [
  ['too few descriptors', ALL, ['reader', 'pipe'], EMFILE],
  ['none', ALL, [], EMFILE],
  ['too many', HELLO.output, ['pipe', 'pipe'], EPROTO],
  ['far too many', HELLO.output, Array<string>(12).fill('pipe'), EPROTO],
  ['a directory', HELLO.output, ['/'], EPROTO],
  ['/dev/null', HELLO.output, ['/dev/null'], EPROTO],
  ['/dev/zero to read', HELLO.input, ['/dev/zero'], EPROTO],
  ['a regular file', HELLO.output, [process.execPath], EPROTO],
  ['a socket for a pipe', HELLO.output, ['socket'], EPROTO],
  ['a terminal’s socket for a container without one', HELLO.terminal, ['socket'], EPROTO],
] as const) {
  test(`HELLO with ${what} is refused, and nothing stays open`, async () => {
    const name = `odd-${what.replaceAll(/[^a-z]+/g, '-')}x`;
    const id = begin(name);
    const before = descriptorsOf(monitorOf(tsrun, name));
    const at = join(tsrun.runRoot, id, 'monitor.sock');
    const value = `${PROTOCOL_VERSION | streams}`;
    const program = what === 'a regular file' ? [regular] : files;
    const said = spawnSync(hello, [at, value, ...program], { encoding: 'utf8', timeout: PATIENCE_MS });
    assert.is(said.stdout.trim(), `${CONTROL.refused} ${refusal}`, said.stderr);
    await expectUnharmed(name, before);
  });
}

test('a terminal’s client whose socket is closed already, and one without a socket', async () => {
  const id = begin('closed', ['-it'], 'stty -echo; echo up; exec sleep 600');
  await until('its start', () => tsrun.run(['logs', 'closed']).stdout.includes('up'));
  const monitor = monitorOf(tsrun, 'closed');
  const before = descriptorsOf(monitor);
  const at = join(tsrun.runRoot, id, 'monitor.sock');
  const say = (file: string, streams: number) =>
    spawnSync(hello, [at, `${PROTOCOL_VERSION | streams}`, file], { encoding: 'utf8', timeout: PATIENCE_MS }).stdout;
  assert.is(say('reader', HELLO.terminal), `${CONTROL.refused} ${EPROTO}\n`);
  assert.is(say('pipe', HELLO.output), `${CONTROL.refused} ${EPROTO}\n`);
  assert.match(say('closed', HELLO.terminal), new RegExp(`^${CONTROL.welcome} `));
  await until('nothing of it', () => descriptorsOf(monitor).length === before.length);
});

test('64 clients are served, the 65th is refused with the reason, and waiting needs no place', async () => {
  const id = begin('full');
  const clients = await Promise.all(Array.from({ length: 64 }, () => RawClient.open(tsrun, id)));
  for (const client of clients) client.say(word(CONTROL.hello, PROTOCOL_VERSION));
  for (const client of clients) assert.is((await client.hear())[0]?.type, CONTROL.welcome);
  const { code, stderr } = tsrun.run(['attach', 'full']);
  assert.is(code, 125);
  assert.is(
    stderr,
    'tsrun: attach full: the monitor of this container refused\nhint: it has as many clients as it can serve\n',
  );
  const one = await RawClient.open(tsrun, id);
  assert.equal(await one.hear(), [{ type: CONTROL.refused, value: EAGAIN }]);
  const waiting = tsrun.spawn(['wait', 'full']);
  for (const client of clients.slice(1)) client.socket.destroy();
  await expectServes('full'); // one is there still
  expectOk(tsrun.run(['kill', 'full']));
  assert.is((await waiting.ended).stdout, '137\n');
  assert.equal((await clients[0]!.hear(2))[1], { type: CONTROL.exited, value: 137 });
});

test('a client that floods it with words does not hold up the others', async () => {
  const id = begin('flood');
  const flood = await RawClient.open(tsrun, id);
  flood.say(word(CONTROL.hello, PROTOCOL_VERSION));
  await flood.hear();
  const many = Buffer.concat(Array.from({ length: 8192 }, () => word(CONTROL.resize, 0)));
  let on = true;
  const more = (): void => void (on && flood.socket.write(many, more));
  more();
  const client = tsrun.spawn(['attach', 'flood']);
  client.child.stdin!.write('heard\n');
  await client.waitFor('heard');
  on = false;
  flood.socket.destroy();
});

test('a queue that is full: who comes waits, and is served when there is room', async () => {
  const id = begin('queue');
  const monitor = monitorOf(tsrun, 'queue');
  process.kill(monitor, 'SIGSTOP');
  const crowd = await Promise.all(Array.from({ length: 140 }, () => RawClient.open(tsrun, id)));
  assert.ok(
    crowd.some((client) => client.closed),
    'no more than the queue can hold',
  );
  const client = tsrun.spawn(['attach', 'queue']);
  await until('it has nothing else to do', () => cpuTicks(client.child.pid!) > 0 && isAsleep(client.child.pid!));
  process.kill(monitor, 'SIGCONT');
  for (const one of crowd) one.socket.destroy();
  client.child.stdin!.write('in the end\n');
  await client.waitFor('in the end');
});

test('no descriptor left in the monitor: who comes is told, nobody else notices, and it does not spin', async () => {
  begin('emfile');
  const monitor = monitorOf(tsrun, 'emfile');
  const before = descriptorsOf(monitor);
  const client = tsrun.spawn(['attach', 'emfile']);
  client.child.stdin!.write('first\n');
  await client.waitFor('first');
  const limit = (number: number): unknown =>
    assert.is(spawnSync('prlimit', ['--pid', `${monitor}`, `--nofile=${number}:4096`]).status, 0);
  const next = 1 + Math.max(...descriptorsOf(monitor).map((line) => Number.parseInt(line, 10)));
  for (let number = next - 6; number <= next + 3; number++) {
    limit(number);
    const { code, stderr } = tsrun.run(['attach', 'emfile'], { through: ['timeout', '5'] });
    if (code === 124) break; // it got in
    assert.is(code, 125, stderr);
    assert.match(stderr, /refused\nhint: it has no file descriptor left/);
  }
  limit(15); // even what it keeps for that is of no use
  const ticks = cpuTicks(monitor);
  assert.is(tsrun.run(['attach', 'emfile'], { through: ['timeout', '2'] }).code, 124, 'it waits');
  client.child.stdin!.write('second\n');
  await client.waitFor('second');
  assert.ok(cpuTicks(monitor) - ticks < 20, 'it does not spin');
  limit(1024);
  client.child.kill('SIGKILL');
  await client.ended;
  await expectUnharmed('emfile', before);
});

const isAsleep = (pid: number): boolean => /^State:\tS/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

test.run();
