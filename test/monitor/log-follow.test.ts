import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEntry } from '../../src/monitor/log-entry.ts';
import { type LogRequest, readLog } from '../../src/monitor/log-reader.ts';
import { type LogWriter, openLogWriter } from '../support/log-writer.ts';
import { PATIENCE_MS } from '../support/tsrun.ts';

const test = suite('log reader, following');
let directory: string;
let path: string;

test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-log-'));
  path = join(directory, 'log.jsonl');
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));

/** A reader that goes on in the background. */
class Follower {
  readonly lines: string[] = [];
  readonly done: Promise<void>;
  over = false;
  #line = '';
  #look = () => {};

  constructor(request: LogRequest = {}, signal?: AbortSignal) {
    this.done = this.#run({ ...request, follow: { ended: () => this.over, signal } });
  }

  async #run(request: LogRequest): Promise<void> {
    for await (const batch of readLog(path, request)) {
      for (const entry of batch) this.#take(entry);
      this.#look();
    }
  }

  #take(entry: LogEntry): void {
    if (entry.stream === 'tsrun') return;
    this.#line += entry.bytes.toString();
    if (entry.partial) return;
    this.lines.push(this.#line);
    this.#line = '';
  }

  /** Until it has read that line, or is late. */
  async until(line: string): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      late = setTimeout(() => reject(new Error(`waited for ${line} after ${this.lines.at(-1)}`)), PATIENCE_MS);
      this.#look = () => this.lines.at(-1) === line && resolve();
      this.#look();
    });
    clearTimeout(late);
  }
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);

async function writeLines(writer: LogWriter, from: number, to: number): Promise<void> {
  await writer.write(...numbers(from, to).map((line) => [1, `${line}\n`] as const));
}

test('every line once, through many rotations', async () => {
  const writer = openLogWriter(directory, { maxSize: 3000, maxFiles: 3 });
  await writeLines(writer, 0, 5);
  const follower = new Follower();
  for (let at = 5; at < 3005; at += 50) {
    await writeLines(writer, at, at + 50);
    await follower.until(`line ${at + 49}`); // it keeps up, as files go
  }
  follower.over = true;
  await follower.done;
  await writer.close();
  assert.equal(follower.lines, numbers(0, 3005));
});

test('every line once while it is written as fast as can be', async () => {
  const writer = openLogWriter(directory, { maxSize: 100_000, maxFiles: 200 });
  const follower = new Follower();
  for (let at = 0; at < 60_000; at += 1000) await writeLines(writer, at, at + 1000);
  await writer.close();
  follower.over = true;
  await follower.done;
  assert.equal(follower.lines.length, 60_000);
  assert.equal(follower.lines, numbers(0, 60_000));
});

test('who reads slower than it is written has the next files open before they go, however few are kept', async () => {
  const writer = openLogWriter(directory, { maxSize: 1_000_000, maxFiles: 2 });
  const writeLong = (from: number, to: number) =>
    writer.write(...Array.from({ length: to - from }, (_, i) => [1, `${from + i} ${'x'.repeat(990)}\n`] as const));
  await writeLong(0, 800);
  const seen: number[] = [];
  let written = 800;
  let over = false;
  for await (const batch of readLog(path, { follow: { ended: () => over } })) {
    for (const entry of batch) seen.push(entry.stream === 'tsrun' ? -1 : Number.parseInt(entry.bytes.toString(), 10));
    // A block is an eighth of a file, and what is written meanwhile nearly a whole one: soon all that is kept was written later.
    over = written === 5600;
    if (over) continue;
    await writeLong(written, written + 800);
    written += 800;
  }
  await writer.close();
  assert.equal(
    seen,
    Array.from({ length: 5600 }, (_, i) => i),
  );
});

test('who is left behind misses lines, is told so where they are missing, and reads none twice and none in another order', async () => {
  const writer = openLogWriter(directory, { maxSize: 2000, maxFiles: 2 });
  await writeLines(writer, 0, 10);
  const seen: number[] = [];
  const missing: number[] = [];
  let over = false;
  for await (const batch of readLog(path, { follow: { ended: () => over } })) {
    for (const entry of batch) {
      if (entry.stream === 'stdout') seen.push(Number(entry.bytes.toString().slice(5)));
      else if (entry.stream === 'tsrun' && entry.lost === undefined) missing.push(seen.length);
    }
    if (seen.length < 11)
      await writeLines(writer, 10, 1000); // the reader holds a file that has gone by then
    else over = true;
  }
  await writer.close();
  assert.equal(
    seen.slice(0, 10),
    numbers(0, 10).map((_, i) => i),
  );
  assert.ok(seen.every((number, i) => i === 0 || number > seen[i - 1]!));
  assert.is(seen.at(-1), 999);
  const [at = 0] = missing;
  assert.is(missing.length, 1, 'told once');
  assert.ok(seen[at]! > seen[at - 1]! + 1, `told behind line ${seen[at - 1]}, in front of ${seen[at]}`);
});

test('from the last lines on', async () => {
  const writer = openLogWriter(directory);
  await writeLines(writer, 0, 10);
  const [two, none] = [new Follower({ tail: 2 }), new Follower({ tail: 0 })];
  await two.until('line 9');
  await writeLines(writer, 10, 12);
  await Promise.all([two.until('line 11'), none.until('line 11')]);
  two.over = none.over = true;
  await Promise.all([two.done, none.done]);
  await writer.close();
  assert.equal(two.lines, numbers(8, 12));
  assert.equal(none.lines, numbers(10, 12));
});

test('a log that is yet to come, and a line in pieces', async () => {
  const follower = new Follower();
  const writer = openLogWriter(directory);
  await writer.write([1, 'fi'], [1, 'rst\n']);
  await follower.until('first');
  await writer.write([1, 'sec']);
  await writer.write([1, 'ond\nthird\n']);
  await follower.until('third');
  follower.over = true;
  await follower.done;
  await writer.close();
  assert.equal(follower.lines, ['first', 'second', 'third']);
});

test('what came just before the end is read', async () => {
  for (let round = 0; round < 6; round++) {
    const place = join(directory, String(round));
    mkdirSync(place);
    path = join(place, 'log.jsonl');
    const writer = openLogWriter(place, { maxSize: 600, maxFiles: 30 });
    const follower = new Follower();
    await writeLines(writer, 0, 100);
    follower.over = true;
    await follower.done;
    await writer.close();
    assert.equal(follower.lines, numbers(0, 100));
  }
});

test('it ends when it is called off, and when the time is over', async () => {
  const writer = openLogWriter(directory);
  await writeLines(writer, 0, 3);
  const controller = new AbortController();
  const follower = new Follower({}, controller.signal);
  await follower.until('line 2');
  controller.abort();
  await follower.done;
  const timed = new Follower({ until: BigInt(Date.now() + 300) * 1_000_000n });
  await timed.done;
  await writer.close();
  assert.equal(timed.lines, numbers(0, 3));
});

test('a directory that goes away is no error', async () => {
  const writer = openLogWriter(directory);
  await writeLines(writer, 0, 3);
  const follower = new Follower();
  await follower.until('line 2');
  rmSync(directory, { recursive: true });
  follower.over = true;
  await follower.done;
  await writer.close();
  assert.equal(follower.lines, numbers(0, 3));
});

test.run();
