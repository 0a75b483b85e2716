import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { descriptorsOf, monitorOf } from '../support/monitor-client.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Live, openTsrun, type Tsrun, until } from '../support/tsrun.ts';
import { write } from '../support/world.ts';

const test = needs(suite('attach'), root(), overlay());
const KIB = 1024;
const CLIENT_DESCRIPTORS = 4; // its connection, input, output and errors
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const ok = (...words: string[]): string => expectOk(tsrun.run(words));
const detach = (name: string, script: string, ...flags: string[]): string =>
  ok('run', '-d', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script).trim();
const logsOf = (name: string): string => tsrun.run(['logs', name]).stdout;

/** Clients of a container with -i, once the monitor has them all. */
function attach(name: string, count: number, ...through: string[][]): Promise<Live[]> {
  return joined(name, () =>
    Array.from({ length: count }, (_, i) => tsrun.spawn(['attach', name], { through: through[i] ?? [] })),
  );
}

async function joined(name: string, start: () => Live[], each = CLIENT_DESCRIPTORS): Promise<Live[]> {
  const monitor = monitorOf(tsrun, name);
  const before = descriptorsOf(monitor).length;
  const clients = start();
  const { length: count } = clients;
  await until('its clients', () => descriptorsOf(monitor).length === before + count * each);
  for (const client of clients) await relayOf(client);
  return clients;
}

/** Its signals are heard from here on. */
async function relayOf({ child }: Live): Promise<void> {
  await until('a relay', () => readFileSync(`/proc/${child.pid}/comm`, 'utf8') === 'tsrun-monitor\n');
}

test('three clients get every byte that is written after they came, binary, stdout and stderr apart', async () => {
  const shared = join(tsrun.directory, 'shared');
  const [out, err] = [randomBytes(700 * KIB), randomBytes(300 * KIB)];
  ok('run', '--rm', '-v', `${shared}:/shared`, tsrun.rootfs, 'true');
  write(join(shared, 'out'), out);
  write(join(shared, 'err'), err);
  const script = 'echo before; read go; cat /shared/out & cat /shared/err >&2; wait; exit 7';
  detach('bytes', script, '-i', '-v', `${shared}:/shared`);
  await until('its first line', () => logsOf('bytes') === 'before\n');
  const into = [0, 1, 2].map((i) => ['sh', '-c', `exec "$@" > ${shared}/out.${i} 2> ${shared}/err.${i}`, '-']);
  const clients = await attach('bytes', 3, ...into);
  clients[1]!.child.stdin!.write('go\n');
  for (const client of clients) assert.is((await client.ended).code, 7, 'the container’s exit code');
  for (const i of [0, 1, 2]) {
    assert.ok(readFileSync(join(shared, `out.${i}`)).equals(out), `stdout of client ${i}`);
    assert.ok(readFileSync(join(shared, `err.${i}`)).equals(err), `stderr of client ${i}`);
  }
});

test('a stopped client is dropped with a notice, and holds up neither the container nor who started it', async () => {
  const big = join(tsrun.directory, 'big');
  mkdirSync(big);
  write(join(big, 'zeros'), '');
  truncateSync(join(big, 'zeros'), 100_000_000);
  const script = 'read go; cat /big/zeros; echo done >&2; read end; exit 3';
  const words = ['run', '-i', '--name', 'big', '-v', `${big}:/big`, tsrun.rootfs, 'sh', '-c'];
  const starter = tsrun.spawn([...words, `echo ready >&2; ${script}`], {
    through: ['sh', '-c', `exec "$@" > ${big}/copy`, '-'],
  });
  await starter.waitFor('ready', 'stderr');
  const [slow] = await attach('big', 1);
  slow!.child.kill('SIGSTOP');
  starter.child.stdin!.write('go\n');
  await starter.waitFor('done', 'stderr');
  await until('all of it', () => statSync(join(big, 'copy')).size === 100_000_000);
  slow!.child.kill('SIGCONT');
  const { code, stderr } = await slow!.ended;
  assert.is(code, 125);
  assert.match(stderr, /dropped: the container wrote faster than was read here/);
  starter.child.stdin!.write('end\n');
  assert.is((await starter.ended).code, 3);
});

test('what starts it is waited for: no byte is lost to a slow reader', () => {
  const slowly = ['sh', '-c', '"$@" | { sleep 0.5; sha256sum; }', '-'];
  const script = 'i=0; while [ $i -lt 40000 ]; do echo "line number $i of many"; i=$((i + 1)); done';
  const all = Array.from({ length: 40_000 }, (_, i) => `line number ${i} of many\n`).join('');
  assert.ok(all.length > 1_000_000);
  const sum = `${createHash('sha256').update(all).digest('hex')}  -\n`;
  assert.is(expectOk(tsrun.run(['run', '--rm', tsrun.rootfs, 'sh', '-c', script], { through: slowly })), sum);
});

test('SIGKILL of what started it: the log goes on, who attaches gets the next byte and can type', async () => {
  const starter = await tsrun.container('orphan', 'echo ready; while read x; do echo "got $x"; done; exit 5', ['-i']);
  starter.child.stdin!.write('one\n');
  await starter.waitFor('got one');
  starter.child.kill('SIGKILL');
  await starter.ended;
  const [client] = await attach('orphan', 1);
  client!.child.stdin!.write('two\n');
  await client!.waitFor('got two');
  assert.is(client!.stdout(), 'got two\n');
  assert.is(logsOf('orphan'), 'ready\ngot one\ngot two\n');
});

test('a client that is killed while it types into a container that does not read', async () => {
  detach('typed', 'trap "exec cat" USR1; while :; do sleep 0.05; done', '-i');
  const [first] = await attach('typed', 1);
  first!.child.stdin!.write('x'.repeat(1_000_000));
  await until('a pipe that is full', () => first!.child.stdin!.writableLength > 0);
  first!.child.kill('SIGKILL');
  await first!.ended;
  const [second] = await attach('typed', 1);
  second!.child.stdin!.write('\nsecond\n');
  ok('kill', '-s', 'USR1', 'typed');
  await second!.waitFor(/second\n$/);
});

test('run -di: the end of one client’s input is not the end of the container’s', async () => {
  detach('shared-input', 'while read x; do echo "got $x"; done; echo over', '-i');
  const [first] = await attach('shared-input', 1);
  first!.child.stdin!.end('one\n');
  await first!.waitFor('got one');
  const [second] = await attach('shared-input', 1);
  second!.child.stdin!.write('two\n');
  for (const client of [first!, second!]) await client.waitFor('got two');
  assert.not.match(logsOf('shared-input'), 'over');
});

test('the end of the input of what started it is: run -i, and start -ai', () => {
  const run = tsrun.run(['run', '-i', '--name', 'fed', tsrun.rootfs, 'sh', '-c', 'cat; echo over'], {
    input: 'word\n',
  });
  assert.equal([run.code, run.stdout], [0, 'word\nover\n']);
  const again = tsrun.run(['start', '-ai', 'fed'], { input: 'another\n' });
  assert.equal([again.code, again.stdout], [0, 'another\nover\n']);
});

test('--no-stdin leaves the input alone, and without -i there is none', async () => {
  detach('no-stdin', 'read x; echo "got $x"; exec sleep 600', '-i');
  const [client] = await joined(
    'no-stdin',
    () => [tsrun.spawn(['attach', '--no-stdin', 'no-stdin'])],
    CLIENT_DESCRIPTORS - 1,
  );
  client!.child.stdin!.end('not for it\n');
  const [other] = await attach('no-stdin', 1);
  other!.child.stdin!.write('word\n');
  await client!.waitFor('got word');
});

test('signals are the container’s; with --sig-proxy=false they are the client’s', async () => {
  detach('signals', 'trap "echo int" INT; trap "exit 9" TERM; echo up; while :; do sleep 0.05; done', '-i');
  await until('its traps', () => logsOf('signals') === 'up\n');
  const [client, mute] = await attach('signals', 2);
  client!.child.kill('SIGINT');
  await mute!.waitFor('int\n');
  const own = tsrun.spawn(['attach', '--sig-proxy=false', 'signals']);
  await relayOf(own);
  own.child.kill('SIGINT');
  assert.is((await own.ended).code, 130);
  client!.child.kill('SIGTERM');
  for (const one of [client!, mute!]) assert.is((await one.ended).code, 9);
});

test('a container that closes its output: the end is seen at once, by who started it and who attached', async () => {
  const live = await tsrun.container('closes', 'echo ready; read x; exec >&-; read y; exit 3', ['-i']);
  const [client] = await attach('closes', 1);
  const ends = [live, client!].map(({ child }) => new Promise((resolve) => child.stdout!.once('end', resolve)));
  live.child.stdin!.write('go\n');
  await Promise.all(ends);
  assert.is(tsrun.inspect('closes', '{{.State.Status}}'), 'running');
  live.child.stdin!.write('go\n');
  for (const one of [live, client!]) assert.is((await one.ended).code, 3);
});

test('a client whose output nobody reads leaves, and the container does not notice', async () => {
  detach('unread', 'while :; do echo y || exit 1; sleep 0.01; done');
  const client = tsrun.spawn(['attach', 'unread']);
  await client.waitFor('y\n');
  client.child.stdout!.destroy();
  assert.is((await client.ended).code, 141);
  const before = logsOf('unread').length;
  await until('it writes on', () => logsOf('unread').length > before);
});

test('run --sig-proxy=false: ^C is the client’s own, and the container runs on', async () => {
  const live = await tsrun.container('own-signals', 'echo ready; exec sleep 600', ['--sig-proxy=false']);
  live.child.kill('SIGINT');
  assert.is((await live.ended).code, 130);
  assert.is(tsrun.inspect('own-signals', '{{.State.Status}}'), 'running');
});

for (const [what, prepare, message] of [
  ['nobody', () => {}, /^tsrun: No such container: absent\n/],
  ['created', () => ok('create', '--name', 'absent', tsrun.rootfs, 'true'), /You cannot attach to a stopped container/],
  ['exited', () => ok('run', '--name', 'absent', tsrun.rootfs, 'true'), /You cannot attach to a stopped container/],
  ['paused', () => [detach('absent', 'exec sleep 600'), ok('pause', 'absent')], /unpause it first/],
  ['without its monitor', () => loseMonitor('absent'), /the monitor of this container is gone, and its streams/],
] as const) {
  test(`attach to one that is ${what} says so`, () => {
    tsrun.run(['rm', '-f', 'absent']);
    prepare();
    const { code, stderr } = tsrun.run(['attach', 'absent']);
    assert.match(stderr, message);
    assert.is.not(code, 0);
  });
}

test('a client of a monitor that is killed says that it is lost', async () => {
  const id = detach('lost', 'exec sleep 600', '-i');
  const [client] = await attach('lost', 1);
  process.kill(monitorOf(tsrun, 'lost'), 'SIGKILL');
  const { code, stderr } = await client!.ended;
  assert.equal([code, stderr], [125, 'tsrun: the monitor of this container is gone; its command may still run\n']);
  ok('rm', '-f', 'lost');
  assert.equal(
    tsrun.leftovers([id]).filter((path) => path.includes(id)),
    [],
  );
});

function loseMonitor(name: string): void {
  detach(name, 'exec sleep 600');
  process.kill(monitorOf(tsrun, name), 'SIGKILL');
}

test.run();
