import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { type Live, PROGRAM, until } from '../support/tsrun.ts';
import { cgroupsOf, World, write } from '../support/world.ts';

const test = needs(suite('run: stdio and signals'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const MIB = 1024 * 1024;
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('standard output and error are apart, and every byte of a MiB of each arrives', async () => {
  const [out, err] = [randomBytes(MIB), randomBytes(MIB)];
  const rootfs = world.copy();
  write(join(rootfs, 'out'), out);
  write(join(rootfs, 'err'), err);
  const env = { ...process.env, TSRUN_ROOT: world.dataRoot, TSRUN_RUN: world.runRoot };
  const child = spawn(
    process.execPath,
    ['--', PROGRAM, 'run', '--rm', rootfs, 'sh', '-c', 'cat /out & cat /err >&2; wait'],
    {
      env,
    },
  );
  const got: Record<string, Buffer[]> = { stdout: [], stderr: [] };
  child.stdout.on('data', (bytes) => got.stdout!.push(bytes));
  child.stderr.on('data', (bytes) => got.stderr!.push(bytes));
  assert.equal(await once(child, 'close'), [0, null]);
  assert.is(sha(Buffer.concat(got.stdout!)), sha(out));
  assert.is(sha(Buffer.concat(got.stderr!)), sha(err));
});

test('-i: every byte of a MiB arrives, and the end of the input too', () => {
  const input = randomBytes(MIB);
  assert.is(world.run(['sha256sum'], ['-i'], { input }).stdout, `${sha(input)}  -\n`);
  assert.is(world.run(['cat'], ['-i'], { input: '' }).stdout, '');
});

test('-i: the command goes on after its input has ended', async () => {
  const live = world.start(['sh', '-c', 'cat; echo after'], ['-i']);
  live.child.stdin!.write('before\n');
  await live.waitFor('before');
  assert.not.ok(live.stdout().includes('after'));
  live.child.stdin!.end();
  assert.is((await live.ended).stdout, 'before\nafter\n');
});

test('-i: a command that reads nothing ends with input waiting', () => {
  assert.is(world.run(['sh', '-c', 'exit 5'], ['-i'], { input: Buffer.alloc(MIB) }).code, 5);
});

test('without -i the input is empty and the caller’s stays', () => {
  const { code, stdout } = world.run(['cat'], [], { input: 'not for you' });
  assert.equal([code, stdout], [0, '']);
  const script = `"$0" "$1" run --rm "$2" cat; cat`;
  const env = { ...process.env, TSRUN_ROOT: world.dataRoot, TSRUN_RUN: world.runRoot };
  const child = spawn('sh', ['-c', script, process.execPath, PROGRAM, world.rootfs], { env });
  let rest = '';
  child.stdout.on('data', (bytes) => (rest += bytes));
  child.stdin.end('still here');
  return once(child, 'close').then(() => assert.is(rest, 'still here'));
});

for (const [flags, code] of [
  [[], 1], // PID 1 is not killed by a signal it has no handler for: `yes` sees EPIPE
  [['--init'], 141],
] as const) {
  test(`a command that writes when nobody reads is told and ends, ${flags.join('') || 'plain'}`, async () => {
    const live = world.start(['yes'], flags);
    await live.waitFor('y\n');
    live.child.stdout!.destroy();
    assert.is((await live.ended).code, code);
  });
}

test('a process that keeps standard output does not keep tsrun', () => {
  const { code, stdout } = world.run(['sh', '-c', 'sleep 600 & echo done']);
  assert.equal([code, stdout], [0, 'done\n']);
});

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGALRM', 'SIGWINCH'] as const;

for (const flags of [[], ['--init']]) {
  test(`signals of the caller arrive at the command, ${flags.join('') || 'plain'}`, async () => {
    const traps = SIGNALS.filter((name) => name !== 'SIGWINCH').map(
      (name) => `trap 'echo got ${name}' ${name.slice(3)}`,
    );
    const live = world.start(
      ['bash', '-c', `${traps.join(';')}; echo up; while read -t 0.05 x || [ $? -gt 1 ]; do :; done; exit 7`],
      ['-i', ...flags],
    );
    await live.waitFor('up');
    for (const name of SIGNALS) {
      if (name === 'SIGWINCH') continue; // about a terminal
      live.child.kill(name);
      await live.waitFor(`got ${name}`);
    }
    live.child.stdin!.end();
    assert.is((await live.ended).code, 7);
  });

  test(`a signal that ends the command: 128 + n, ${flags.join('') || 'plain'}`, async () => {
    const live = world.start(['bash', '-c', "trap 'exit 43' TERM; echo up; while :; do sleep 0.05; done"], flags);
    await live.waitFor('up');
    live.child.kill('SIGTERM');
    assert.is((await live.ended).code, 43);
  });
}

test('--init: a command without a handler is ended by SIGTERM; plain PID 1 is not', async () => {
  const reaped = world.start(['sh', '-c', 'echo up; exec sleep 600'], ['--init']);
  await reaped.waitFor('up');
  reaped.child.kill('SIGTERM');
  assert.is((await reaped.ended).code, 143);
});

test('--init: orphans are reaped', () => {
  const script =
    '(true & ) ; (sh -c "exit 3" &); for i in 1 2 3 4 5 6 7 8 9; do sleep 0.02; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null || { echo none; exit 9; }; done';
  const { code, stdout } = world.run(['sh', '-c', script], ['--init']);
  assert.is(code, 9, stdout);
  assert.match(world.shell('cat /proc/1/comm; ps -o pid= -p $$', ['--init']), /^(?!sh)\S+\n\s*[2-9]$/);
});

async function idOf(live: Live, cidfile: string): Promise<string> {
  await until('the id', () => existsSync(cidfile));
  await live.waitFor('up');
  return readFileSync(cidfile, 'utf8');
}

test('the caller’s SIGKILL: the container goes on, and is removed when it has ended', async () => {
  const cidfile = join(world.dir, 'cid-kill');
  const fifo = join(world.dir, 'fifo');
  world.host('mkfifo', fifo);
  const live = world.start(
    ['sh', '-c', 'echo up; read x < /fifo; echo "$x" > /fifo'],
    ['--cidfile', cidfile, '-v', `${fifo}:/fifo`],
  );
  const id = await idOf(live, cidfile);
  live.child.kill('SIGKILL');
  assert.is((await live.ended).code, 137);
  assert.ok(cgroupsOf(id).length > 0, 'it runs on');
  world.host('sh', '-c', 'echo word > "$1"; test "$(cat "$1")" = word', '-', fifo);
  await until('its end', () => world.tsrun.leftovers([id]).length === 0);
});

test('with --rm and a kept descendant in another session nothing is left either', async () => {
  const cidfile = join(world.dir, 'cid-daemon');
  const { code } = world.run(['sh', '-c', 'setsid sleep 600 & exit 3'], ['--cidfile', cidfile]);
  assert.is(code, 3);
  await until('the clean-up', () => world.tsrun.leftovers([readFileSync(cidfile, 'utf8')]).length === 0);
});

test.run();
