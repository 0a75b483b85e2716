import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { containerLogs, openEngine } from '../../src/index.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, PROGRAM, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('logs of what runs'), root(), overlay());
const MEGABYTE = 1_000_000;
const OUTPUT_MEGABYTES = 256;
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

const directoryOf = (name: string): string => join(tsrun.dataRoot, 'containers', tsrun.inspect(name, '{{.Id}}'));
const logFiles = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith('log.jsonl'));
const logSize = (directory: string): number =>
  logFiles(directory).reduce(
    (sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

function monitorOf(name: string): number {
  const state = readFileSync(join(tsrun.runRoot, tsrun.inspect(name, '{{.Id}}'), 'state.json'), 'utf8');
  return (JSON.parse(state) as { monitor: { pid: number } }).monitor.pid;
}

/** KB. */
function mostMemory(pid: number | undefined): number {
  return Number(/VmHWM:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

test('what a container writes to either stream is kept, and what it writes when it is started again', async () => {
  const script = 'echo out; echo err >&2; printf "no end"';
  expectOk(tsrun.run(['run', '--name', 'twice', tsrun.rootfs, 'sh', '-c', script]));
  assert.equal(tsrun.run(['logs', 'twice']), { code: 0, stdout: 'out\nno end', stderr: 'err\n' });
  expectOk(tsrun.run(['start', '-a', 'twice']));
  assert.is(tsrun.run(['logs', 'twice']).stdout, 'out\nno endout\nno end');
  assert.is(statSync(join(directoryOf('twice'), 'log.jsonl')).mode & 0o7777, 0o600);
});

test('a terminal is one stream, with its line ends', () => {
  expectOk(tsrun.run(['run', '-t', '--name', 'terminal', tsrun.rootfs, 'sh', '-c', 'echo out; echo err >&2']));
  assert.equal(tsrun.run(['logs', 'terminal']), { code: 0, stdout: 'out\r\nerr\r\n', stderr: '' });
});

test('no file for who writes nothing, nor with --log-driver none', () => {
  expectOk(tsrun.run(['run', '--name', 'quiet', tsrun.rootfs, 'true']));
  assert.equal(logFiles(directoryOf('quiet')), []);
  assert.is(
    expectOk(tsrun.run(['run', '--log-driver', 'none', '--name', 'mute', tsrun.rootfs, 'echo', 'hello'])),
    'hello\n',
  );
  assert.equal(logFiles(directoryOf('mute')), []);
});

test(`${OUTPUT_MEGABYTES} MB of output: every byte reaches the caller, the log keeps to its limit, and nobody takes memory`, async () => {
  const big = join(tsrun.directory, 'big');
  writeFileSync(big, `${'0123456789'.repeat(9)}abcdefghi\n`.repeat(MEGABYTE / 100));
  const script = `i=0; while [ $i -lt ${OUTPUT_MEGABYTES} ]; do cat /big; i=$((i+1)); done; echo over >&2; read line`;
  const words = ['run', '-i', '--name', 'talks', '-v', `${big}:/big:ro`, '--log-opt', 'max-size=2m', tsrun.rootfs];
  const child = spawn(process.execPath, ['--', PROGRAM, ...words, 'sh', '-c', script], {
    env: { PATH: process.env.PATH ?? '', TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot },
  });
  let [received, most] = [0, 0];
  let directory: string | undefined;
  child.stdout.on('data', (data: Buffer) => {
    directory ??= directoryOf('talks');
    received += data.length;
    most = Math.max(most, logSize(directory));
  });
  await once(child.stderr, 'data');
  const memory = [mostMemory(child.pid), mostMemory(monitorOf('talks'))];
  child.stdin.end('\n');
  assert.equal(await once(child, 'close'), [0, null]);
  assert.is(received, OUTPUT_MEGABYTES * MEGABYTE);
  assert.ok(most > 4 * MEGABYTE && most <= 6 * MEGABYTE, `the log took ${most} bytes`);
  assert.ok(
    memory.every((kilobytes) => kilobytes < 20_000),
    `the command line and the monitor took ${memory.join(' and ')} KB`,
  );
  const kept = expectOk(tsrun.run(['logs', 'talks']));
  assert.ok(kept.length > 2 * MEGABYTE);
  assert.ok(expectOk(tsrun.run(['logs', '-n', '2', 'talks'])).endsWith(`${'0123456789'.repeat(9)}abcdefghi\n`));
});

test('-f reads every line once while the container writes and the log is rotated, and ends with it', async () => {
  const [lines, script] = [20_000, 'read go; i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done'];
  const log = ['--log-opt', 'max-size=20k', '--log-opt', 'max-file=200'];
  const box = tsrun.spawn(['run', '-i', '--name', 'writes', ...log, tsrun.rootfs, 'sh', '-c', `echo ready; ${script}`]);
  await box.waitFor(/^ready$/m);
  const followers = [tsrun.spawn(['logs', '-f', 'writes']), tsrun.spawn(['logs', '-f', '-t', '--tail', '1', 'writes'])];
  for (const follower of followers) await follower.waitFor(/ready$/m);
  box.child.stdin?.end('go\n');
  const wanted = `ready\n${Array.from({ length: lines }, (_, i) => `line ${i}\n`).join('')}`;
  const [plain, timed] = await Promise.all(followers.map(({ ended }) => ended));
  assert.is((await box.ended).code, 0);
  assert.ok(logFiles(directoryOf('writes')).length > 20);
  assert.equal([plain!.code, timed!.code], [0, 0]);
  assert.ok(plain!.stdout === wanted, `${plain!.stdout.length} bytes`);
  assert.ok(timed!.stdout.replace(/^\S+Z /gm, '') === wanted, `${timed!.stdout.length} bytes with times`);
  assert.ok(tsrun.run(['logs', 'writes']).stdout === wanted);
});

test('the log is whole when a container ends, and -f with it, however slowly its starter reads', async () => {
  const file = join(tsrun.directory, 'long');
  const bytes = 1_500_000; // more than two small pipes and a buffer hold, less than two big ones
  writeFileSync(file, `${'0123456789'.repeat(9)}abcdefghi\n`.repeat(bytes / 100));
  const words = ['run', '-i', '--name', 'slow', '-v', `${file}:/long:ro`, tsrun.rootfs];
  const child = spawn(process.execPath, ['--', PROGRAM, ...words, 'sh', '-c', 'echo ready; read go; cat /long'], {
    env: { PATH: process.env.PATH ?? '', TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot },
  });
  await once(child.stdout, 'readable');
  const follower = tsrun.spawn(['logs', '-f', 'slow']);
  await follower.waitFor(/^ready$/m);
  child.stdin.end('go\n'); // nobody reads: paused
  const { code, stdout } = await follower.ended;
  assert.equal([code, stdout.length], [0, bytes + 'ready\n'.length]);
  assert.is(tsrun.inspect('slow', '{{.State.Status}}'), 'exited');
  assert.is(child.exitCode, null, 'what it has not read yet is kept for it');
  let received = 0;
  child.stdout.on('data', (data: Buffer) => (received += data.length));
  assert.equal(await once(child, 'close'), [0, null]);
  assert.is(received, bytes + 'ready\n'.length);
});

test('-f ends when container and monitor are killed', async () => {
  const box = await tsrun.container('victim');
  const follower = tsrun.spawn(['logs', '-f', 'victim']);
  await follower.waitFor(/^ready$/m);
  const pid = Number(tsrun.inspect('victim', '{{.State.Pid}}'));
  process.kill(monitorOf('victim'), 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  assert.is((await follower.ended).code, 0);
  await box.ended;
  assert.is(tsrun.run(['logs', 'victim']).stdout, 'ready\n');
});

test('a full disk costs lines of the log, which says how much; the container does not notice', () => {
  const small = join(tsrun.directory, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', small]);
  try {
    const lines = join(tsrun.directory, 'lines');
    const [line, count] = [`${'0123456789'.repeat(9)}abcdefghi\n`, 50_000];
    writeFileSync(lines, line.repeat(count));
    const env = { TSRUN_ROOT: join(small, 'data') };
    const run = (...words: string[]) => tsrun.run(words, { env });
    const { code, stdout } = run(
      'run',
      '--name',
      'full',
      '-v',
      `${lines}:/lines:ro`,
      tsrun.rootfs,
      'sh',
      '-c',
      'cat /lines; exit 3',
    );
    assert.equal([code, stdout.length], [3, line.length * count]);
    const kept = run('logs', 'full');
    assert.is(kept.code, 0);
    const lost = [...kept.stderr.matchAll(/([0-9]+) bytes of output are missing here/g)].map(([, bytes]) =>
      Number(bytes),
    );
    assert.ok(kept.stdout.length > 500_000 && kept.stdout.startsWith(line.repeat(1000)));
    assert.is(
      lost.reduce((sum, bytes) => sum + bytes, kept.stdout.length),
      line.length * count,
    );
    expectOk(run('rm', 'full'));
  } finally {
    execFileSync('umount', [small]);
  }
});

test('a disk that is full to the last byte does not cost the exit code', async () => {
  const small = join(tsrun.directory, 'tiny');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', small]);
  try {
    const words = ['--data-root', join(small, 'data'), '--name', 'full', tsrun.rootfs];
    const box = tsrun.spawn(['run', '-i', ...words, 'sh', '-c', 'echo ready; read go; echo lost; exit 3']);
    await box.waitFor(/^ready$/m);
    assert.throws(() => writeFileSync(join(small, 'ballast'), Buffer.alloc(1_000_000)), /ENOSPC/);
    const free = statfsSync(small).bavail;
    box.child.stdin?.end('go\n');
    assert.equal([free, await box.ended], [0, { code: 3, stdout: 'ready\nlost\n', stderr: '' }]);
    const run = (...rest: string[]) => tsrun.run(rest, { env: { TSRUN_ROOT: join(small, 'data') } });
    assert.is(run('inspect', '-f', '{{.State.ExitCode}} {{.State.Error}}', 'full').stdout.trim(), '3');
    expectOk(run('rm', 'full'));
  } finally {
    execFileSync('umount', [small]);
  }
});

test('a Node program reads it as it comes', async () => {
  const box = tsrun.spawn([
    'run',
    '-i',
    '--name',
    'read',
    tsrun.rootfs,
    'sh',
    '-c',
    'echo one; read go; printf two >&2',
  ]);
  await box.waitFor('one');
  const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const seen: unknown[] = [];
  for await (const entries of containerLogs(engine, 'read', { follow: true }))
    for (const entry of entries) {
      seen.push(entry.stream === 'tsrun' ? entry.lost : [entry.stream, String(entry.bytes), entry.partial]);
      if (seen.length === 1) box.child.stdin?.end('go\n');
    }
  assert.equal(seen, [
    ['stdout', 'one', false],
    ['stderr', 'two', true],
  ]);
  await box.ended;
});

test('a detached container', async () => {
  const id = expectOk(
    tsrun.run(['run', '-d', '--name', 'away', tsrun.rootfs, 'sh', '-c', 'echo one; sleep 0.5; echo two']),
  ).trim();
  const { stdout } = await tsrun.spawn(['logs', '-f', id.slice(0, 12)]).ended;
  assert.is(stdout, 'one\ntwo\n');
  expectOk(tsrun.run(['rm', 'away']));
  assert.not.ok(existsSync(join(tsrun.dataRoot, 'containers', id)), 'with its log');
});

test.run();
