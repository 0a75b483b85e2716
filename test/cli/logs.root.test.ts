import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLogWriter } from '../support/log-writer.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, PROGRAM, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('logs'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

/** A container that has never run; what it wrote is written for it. @returns where its log lies */
function made(name: string, flags: readonly string[] = []): string {
  return join(
    tsrun.dataRoot,
    'containers',
    expectOk(tsrun.run(['create', '--name', name, ...flags, tsrun.rootfs, 'true'])).trim(),
  );
}

const environment = () => ({ ...process.env, TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot });

const entry = (ns: bigint | number, text: string) =>
  `{"v":1,"stream":"stdout","time":"${ns}","text":${JSON.stringify(text)}}\n`;

test('each stream as it was written, byte by byte', async () => {
  const directory = made('bytes');
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const writer = openLogWriter(directory);
  await writer.write([1, every], [2, 'warn\ning'], [1, '\nhalf'], [1, ' and half\n']);
  await writer.close();
  const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, 'logs', 'bytes'], { env: environment() });
  assert.is(status, 0);
  assert.ok(stdout.equals(Buffer.concat([every, Buffer.from('\nhalf and half\n')])));
  assert.is(stderr.toString(), 'warn\ning');
});

test('with times, the last lines, a span of time', () => {
  const directory = made('times');
  const at = (second: number) => BigInt(Date.UTC(2026, 10, 23, 14, 30, second)) * 1_000_000n;
  const lines = [0, 1, 2].map((second) => entry(at(second) + 5n, `line ${second}`));
  writeFileSync(join(directory, 'log.jsonl'), lines.join(''));
  const logs = (...words: string[]) => expectOk(tsrun.run(['logs', ...words, 'times']));
  assert.is(logs(), 'line 0\nline 1\nline 2\n');
  assert.is(logs('--details', '-t', '--tail', '1'), '2026-11-23T14:30:02.000000005Z line 2\n');
  assert.is(logs('-n2'), 'line 1\nline 2\n');
  assert.is(logs('--tail', 'all'), logs('--tail=-1'));
  assert.is(logs('--tail', '0'), '');
  assert.is(logs('--since', '2026-11-23T14:30:01Z'), 'line 1\nline 2\n');
  assert.is(logs('--since', String(at(2) / 1_000_000_000n)), 'line 2\n');
  assert.is(logs('--until', '2026-11-23T14:30:01Z', '--tail', '5'), 'line 0\n');
  assert.is(logs('--until', '100000h'), '', 'eleven years ago');
});

test('the time stands once before a line, whatever it came in', async () => {
  const directory = made('pieces');
  const writer = openLogWriter(directory);
  await writer.write([1, 'a'], [2, 'x'], [1, 'b\nc\n'], [2, 'y\n']);
  await writer.close();
  const { stdout, stderr } = tsrun.run(['logs', '-t', 'pieces']);
  assert.match(stdout, /^\S+Z ab\n\S+Z c\n$/);
  assert.match(stderr, /^\S+Z xy\n$/);
});

test('what was lost is said', () => {
  const directory = made('loser');
  writeFileSync(
    join(directory, 'log.jsonl'),
    `${entry(1, 'a')}{"v":1,"stream":"tsrun","time":"2","lost":7}\n${entry(3, 'b')}`,
  );
  const { stdout, stderr } = tsrun.run(['logs', 'loser']);
  assert.is(stdout, 'a\nb\n');
  assert.is(stderr, 'tsrun: warning: 7 bytes of output are missing here: they could not be written to the log\n');
});

test('no log is no output', () => {
  made('quiet');
  assert.equal(tsrun.run(['logs', 'quiet']), { code: 0, stdout: '', stderr: '' });
  assert.is(expectOk(tsrun.run(['logs', '-f', 'quiet'])), '', 'and there is nothing to wait for');
});

test('what cannot be, in Docker’s words and with its codes', () => {
  made('mute', ['--log-driver', 'none']);
  const refused: [string[], number, string][] = [
    [['nobody'], 1, 'No such container: nobody'],
    [['mute'], 1, 'configured logging driver does not support reading'],
    [['--tail', 'x', 'mute'], 125, 'invalid argument "x" for "-n, --tail" flag'],
    [['--since', 'x', 'mute'], 125, 'failed to parse value as time or duration'],
    [[], 1, "missing required argument 'container'"],
  ];
  for (const [words, code, message] of refused) {
    const outcome = tsrun.run(['logs', ...words]);
    assert.is(outcome.code, code, words.join(' '));
    assert.match(outcome.stderr, message);
    assert.is(outcome.stdout, '');
  }
  const directory = made('damaged');
  mkdirSync(join(directory, 'log.jsonl'));
  assert.is(expectOk(tsrun.run(['logs', 'damaged'])), '');
});

test('a reader that has had enough ends it quietly', async () => {
  const directory = made('long');
  writeFileSync(join(directory, 'log.jsonl'), entry(1, 'x'.repeat(1000)).repeat(5000));
  const child = spawn('sh', ['-c', '"$0" "$1" logs long | head -n 1 | wc -c', process.execPath, PROGRAM], {
    env: environment(),
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (err += data));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal([code, out.trim(), err], [0, '1001', '']);
});

test('-f ends with the container', async () => {
  const box = await tsrun.container('box', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done');
  const directory = join(tsrun.dataRoot, 'containers', tsrun.inspect('box', '{{.Id}}'));
  const follower = tsrun.spawn(['logs', '-f', '--since', '2026-01-01', 'box']);
  const interrupted = tsrun.spawn(['logs', '-f', 'box']);
  const writer = openLogWriter(directory, { maxSize: 1000, maxFiles: 3 });
  await writer.write([1, 'first\n']);
  await Promise.all([follower.waitFor(/^first$/m), interrupted.waitFor(/^first$/m)]);
  interrupted.child.kill('SIGINT');
  assert.is((await interrupted.ended).code, 130);
  for (let i = 0; i < 50; i++) {
    await writer.write([2, `line ${i}\n`]);
    await follower.waitFor(new RegExp(`^line ${i}$`, 'm'), 'stderr');
  }
  await writer.close();
  expectOk(tsrun.run(['stop', 'box']));
  const { code, stderr } = await follower.ended;
  await box.ended;
  assert.is(code, 0);
  assert.is(stderr, Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join(''));
});

test('whatever the size of the log, logs takes no more memory', async () => {
  const directory = made('huge');
  const line = entry(1, 'y'.repeat(200));
  for (const name of ['log.jsonl.1', 'log.jsonl']) writeFileSync(join(directory, name), line.repeat(100_000));
  const { stdout, pid } = spawn(process.execPath, [PROGRAM, 'logs', 'huge'], { env: environment() });
  const peak = () => Number(/VmHWM:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  let [read, before, after] = [0, 0, 0];
  for await (const chunk of stdout) {
    read += (chunk as Buffer).length;
    if (before === 0 && read > 1_000_000) before = peak();
    if (after === 0 && read > 39_000_000) after = peak(); // it cannot be at its end yet: the pipe is too small
  }
  assert.is(read, 201 * 200_000);
  assert.ok(
    before > 0 && after > 0 && after < before + 40_000,
    `${before} KB near the beginning, ${after} KB near the end`,
  );
});

test.run();
