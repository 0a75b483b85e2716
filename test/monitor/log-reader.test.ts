import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEntry, OutputEntry } from '../../src/monitor/log-entry.ts';
import { type LogRequest, readLog } from '../../src/monitor/log-reader.ts';
import { openLogWriter } from '../support/log-writer.ts';

const test = suite('log reader');
let directory: string;
let path: string;

test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-log-'));
  path = join(directory, 'log.jsonl');
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));

async function read(request: LogRequest = {}): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const batch of readLog(path, request)) entries.push(...batch);
  return entries;
}

const isOutput = (entry: LogEntry): entry is OutputEntry => entry.stream !== 'tsrun';

/** What one stream wrote, byte by byte; all of them when none is named. */
function bytesOf(entries: readonly LogEntry[], stream?: 'stdout' | 'stderr'): Buffer {
  const wanted = entries.filter(isOutput).filter((entry) => stream === undefined || entry.stream === stream);
  return Buffer.concat(wanted.flatMap(({ bytes, partial }) => (partial ? [bytes] : [bytes, Buffer.from('\n')])));
}
const textOf = (entries: readonly LogEntry[]): string => bytesOf(entries).toString();

const entry = (ns: bigint | number, text: string, rest = '') =>
  `{"v":1,"stream":"stdout","time":"${ns}","text":${JSON.stringify(text)}${rest}}\n`;

/** The same numbers in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PARTS = ['words, ', '€', 'ü', '🙂', '\n', '"\\', '\x1b[0m', '\r\n', '\t', '\0', '\x7f'].map((text) =>
  Buffer.from(text),
);

/** Text, UTF-8 cut anywhere, and anything. */
function someBytes(random: (below: number) => number): Buffer {
  const parts: Buffer[] = [];
  for (let count = random(30); count >= 0; count--) {
    if (random(8) === 0) parts.push(Buffer.from(Array.from({ length: random(20) }, () => random(256))));
    else parts.push(PARTS[random(PARTS.length)]!);
  }
  const bytes = Buffer.concat(parts);
  return random(3) === 0 ? bytes.subarray(0, 1 + random(bytes.length)) : bytes;
}

test('what was written is what is read', async () => {
  const random = randomNumbers(1);
  const writer = openLogWriter(directory);
  const frames = Array.from({ length: 3000 }, () => [random(3) === 0 ? 2 : 1, someBytes(random)] as const);
  await writer.write(...frames);
  await writer.close();
  const entries = await read();
  for (const [stream, number] of [
    ['stdout', 1],
    ['stderr', 2],
  ] as const) {
    const wanted = Buffer.concat(frames.filter(([one]) => one === number).map(([, bytes]) => bytes));
    assert.ok(bytesOf(entries, stream).equals(wanted), stream);
  }
  assert.ok(entries.every(({ ns }, i) => i === 0 || ns >= entries[i - 1]!.ns));
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) JSON.parse(line);
});

test('no log is an empty log, and so is what is none', async () => {
  assert.equal(await read(), []);
  mkdirSync(path);
  assert.equal(await read(), []);
  path = join(directory, 'nowhere', 'log.jsonl');
  assert.equal(await read({ tail: 5 }), []);
});

test('rotated files, the oldest first', async () => {
  const writer = openLogWriter(directory, { maxSize: 2000, maxFiles: 12 });
  for (let i = 0; i < 400; i++) await writer.write([1, `line ${i}\n`]);
  await writer.close();
  assert.ok(readdirSync(directory).length > 10, 'more than nine: they are not sorted as texts');
  writeFileSync(join(directory, 'log.jsonl.old'), entry(1, 'not ours'));
  const lines = textOf(await read())
    .trimEnd()
    .split('\n');
  assert.ok(lines.length > 100);
  assert.equal(
    lines,
    lines.map((_, i) => `line ${400 - lines.length + i}`),
  );
});

test('lines that are none are passed over', async () => {
  const lines = [entry(1, 'a'), '{"v":1,"stre\n', '\n', '[]\n', 'null\n', entry(2, 'b')];
  const others = [
    '{"v":2,"stream":"stdout","time":"3","text":"later"}\n',
    '{"v":1,"stream":"x","time":"3","text":"y"}\n',
  ];
  const wrong = ['{"v":1,"stream":"stdout","time":3,"text":"y"}\n', '{"v":1,"stream":"stdout","time":"3"}\n'];
  writeFileSync(
    path,
    [...lines, ...others, ...wrong, 'x'.repeat(500_000), '\n', entry(4, 'c'), '{"v":1,"torn'].join(''),
  );
  assert.is(textOf(await read()), 'a\nb\nc\n');
  assert.is(textOf(await read({ tail: 2 })), 'b\nc\n');
  assert.is(textOf(await read({ tail: 9 })), 'a\nb\nc\n');
});

test('what was lost is told', async () => {
  writeFileSync(path, `${entry(1, 'a')}{"v":1,"stream":"tsrun","time":"2","lost":12}\n${entry(3, 'b')}`);
  assert.equal((await read())[1], { stream: 'tsrun', ns: 2n, lost: 12 });
  assert.is((await read({ tail: 2 })).length, 3, 'between two lines that are wanted');
});

test('from a time on, up to a time', async () => {
  writeFileSync(`${path}.1`, [10, 20].map((ns) => entry(ns, String(ns))).join(''));
  writeFileSync(path, [30, 25, 40].map((ns) => entry(ns, String(ns))).join('')); // a clock was set back
  assert.is(textOf(await read({ since: 20n })), '20\n30\n25\n40\n');
  assert.is(textOf(await read({ until: 25n })), '10\n20\n25\n');
  assert.is(textOf(await read({ since: 20n, until: 30n, tail: 2 })), '30\n25\n');
  assert.is(textOf(await read({ since: 21n, tail: 100 })), '30\n25\n40\n');
});

/** The last lines in the order of their ends, found the simple way: as the text of each stream. */
function lastLines(entries: readonly LogEntry[], count: number): Record<'stdout' | 'stderr', string> {
  const open = { stdout: '', stderr: '' };
  const lines: { stream: 'stdout' | 'stderr'; text: string }[] = [];
  for (const { stream, bytes, partial } of entries.filter(isOutput)) {
    open[stream] += bytes.toString('latin1');
    if (partial) continue;
    lines.push({ stream, text: `${open[stream]}\n` });
    open[stream] = '';
  }
  const chosen = count === 0 ? [] : lines.slice(-count);
  const text = (wanted: string) =>
    chosen
      .filter(({ stream }) => stream === wanted)
      .map(({ text }) => text)
      .join('');
  return { stdout: text('stdout'), stderr: text('stderr') };
}

test('the last lines, with all their pieces', async () => {
  const random = randomNumbers(7);
  const writer = openLogWriter(directory, { maxSize: 9000, maxFiles: 40 });
  const words = ['a', 'b\n', 'long word', 'c\nd\n', '\n'];
  const frames = Array.from({ length: 1500 }, () => [random(2) === 0 ? 2 : 1, words[random(words.length)]!] as const);
  await writer.write(...frames, [1, 'end\n'], [2, 'end\n']); // what has no end is the next test's
  await writer.close();
  const all = await read();
  for (const count of [0, 1, 2, 3, 4, 5, 7, 10, 50, 99, 500, 1000, 100_000]) {
    const entries = await read({ tail: count });
    const wanted = lastLines(all, count);
    assert.is(bytesOf(entries, 'stdout').toString('latin1'), wanted.stdout, `stdout of the last ${count}`);
    assert.is(bytesOf(entries, 'stderr').toString('latin1'), wanted.stderr, `stderr of the last ${count}`);
  }
});

test('a line without an end is the last line', async () => {
  const writer = openLogWriter(directory);
  await writer.write([1, 'one\ntw'], [2, 'warning\n'], [1, 'o, half']);
  assert.is(textOf(await read({ tail: 1 })), 'two, half');
  assert.is(textOf(await read({ tail: 2 })), 'twwarning\no, half');
  await writer.write([1, '\n']);
  await writer.close();
  assert.is(bytesOf(await read({ tail: 1 }), 'stdout').toString(), 'two, half\n');
});

test('the last lines are found without reading the rest', async () => {
  const bytesRead = () => Number(/^rchar: ([0-9]+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  writeFileSync(path, entry(1, 'x'.repeat(1000)).repeat(20_000));
  const before = bytesRead();
  assert.is((await read({ tail: 3 })).length, 3);
  const tail = bytesRead() - before;
  assert.is((await read()).length, 20_000);
  assert.ok(bytesRead() - before - tail > 20_000_000);
  assert.ok(tail < 1_000_000, `${tail} bytes`);
});

test('who does not follow reads what there was when it began, however fast more comes', async () => {
  const line = 'x'.repeat(1000);
  appendFileSync(path, entry(1, line).repeat(1000));
  for (const tail of [undefined, 300]) {
    let lines = 0;
    let more = 0;
    for await (const batch of readLog(path, { tail })) {
      lines += batch.length;
      assert.ok(more++ < 20, 'it ends');
      appendFileSync(path, entry(2, line).repeat(200));
    }
    assert.ok(more > 2, 'it came in pieces, and the file grew meanwhile');
    assert.is(lines, tail ?? 1000);
  }
});

test('an emptied log begins anew', async () => {
  appendFileSync(path, entry(1, 'before'));
  let ended = false;
  const entries: string[] = [];
  for await (const batch of readLog(path, { follow: { ended: () => ended } })) {
    entries.push(textOf(batch));
    if (entries.length === 1) {
      truncateSync(path, 0);
      setImmediate(() => setImmediate(() => appendFileSync(path, entry(2, 'x'))));
    } else ended = true;
  }
  assert.equal(entries, ['before\n', 'x\n']);
});

test.run();
