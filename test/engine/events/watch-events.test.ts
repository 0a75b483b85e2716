import { appendFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Engine, openEngine } from '../../../src/engine/engine.ts';
import { type EventOptions, events } from '../../../src/engine/events/watch-events.ts';
import type { TsrunError } from '../../../src/errors/tsrun-error.ts';
import { linux, needs } from '../../support/needs.ts';
import { append, eventLine } from './event-line.ts';

const test = needs(suite('events()'), linux());
const PATIENCE_MS = 10_000;
let directory: string;
let engine: Engine;
let path: string;
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-watch-'));
  engine = openEngine({ dataRoot: join(directory, 'data'), runRoot: join(directory, 'run') });
  path = engine.paths.events;
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));

const makeRunRoot = (): void => mkdirSync(engine.paths.runRoot, { mode: 0o700 });
const second = (n: number): bigint => 1_795_444_000_000_000_000n + BigInt(n) * 1_000_000_000n;
const appendAt = (...seconds: number[]): void =>
  appendFileSync(path, seconds.map((n) => eventLine(`at ${n}`, {}, second(n))).join(''));

async function actions(options: EventOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const { Action } of events(engine, { signal: AbortSignal.timeout(PATIENCE_MS), ...options }))
    found.push(Action);
  return found;
}

/** The next so many, of which each must come in time. */
async function take(following: ReturnType<typeof events>, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const { value, done } = await following.next();
    if (done) throw new Error(`it ended after ${found}`);
    found.push(value.Action);
  }
  return found;
}
const follow = (options: EventOptions = {}) => events(engine, { signal: AbortSignal.timeout(PATIENCE_MS), ...options });

test('what is past, from and up to a time, and no longer', async () => {
  makeRunRoot();
  appendAt(1, 2);
  renameSync(path, `${path}.1`);
  appendAt(3, 4, 5);
  const until = second(9);
  assert.equal(await actions({ since: 0n, until }), ['at 1', 'at 2', 'at 3', 'at 4', 'at 5']);
  assert.equal(await actions({ until }), ['at 1', 'at 2', 'at 3', 'at 4', 'at 5']);
  assert.equal(await actions({ since: second(2), until: second(4) }), ['at 2', 'at 3', 'at 4']);
  assert.equal(await actions({ since: second(6), until }), []);
  assert.equal(await actions({ until, filters: ['event=at 3'] }), ['at 3']);
});
test('nothing is past where there never was a run, and nothing is made', async () => {
  assert.equal(await actions({ since: 0n, until: second(1) }), []);
  assert.not.ok(existsSync(engine.paths.runRoot));
});
test('what comes, from the very first; the run directory is made for it, closed to others', async () => {
  const following = follow();
  const first = take(following, 2); // a generator begins when it is asked
  assert.is(statSync(engine.paths.runRoot).mode & 0o777, 0o700);
  append(path, 'create', 'start');
  assert.equal(await first, ['create', 'start']);
  append(path, 'die');
  renameSync(path, `${path}.1`);
  append(path, 'destroy');
  assert.equal(await take(following, 2), ['die', 'destroy']);
  await following.return();
});
test('without --since what is past is not told; with it, first', async () => {
  makeRunRoot();
  append(path, 'past');
  const [now, all] = [follow(), follow({ since: 0n })];
  const firsts = [take(now, 1), take(all, 2)];
  append(path, 'new');
  assert.equal(await Promise.all(firsts), [['new'], ['past', 'new']]);
  await now.return();
  await all.return();
});
test('all of what comes fast, while it is moved away again and again', async () => {
  const following = follow();
  let next = take(following, 50);
  for (let round = 0; round < 20; round++) {
    const names = Array.from({ length: 50 }, (_, i) => `${round}.${i}`);
    append(path, ...names.slice(0, 20));
    if (existsSync(path)) renameSync(path, `${path}.1`);
    append(path, ...names.slice(20));
    assert.equal(await next, names);
    next = round < 19 ? take(following, 50) : next;
  }
  await following.return();
});
test('ends at that time, also when nothing happens', async () => {
  const begun = Date.now();
  assert.equal(await actions({ until: BigInt(begun + 300) * 1_000_000n }), []);
  const took = Date.now() - begun;
  assert.ok(took >= 300 && took < PATIENCE_MS / 2, `${took} ms`);
});
test('ends by its signal, before it begins and while it waits', async () => {
  assert.equal(await actions({ signal: AbortSignal.abort() }), []);
  const controller = new AbortController();
  const waiting = actions({ signal: controller.signal });
  append(path, 'start');
  setImmediate(() => controller.abort());
  assert.ok((await waiting).length <= 1);
});
test('its end is not waited for: no watch and no timer keeps the program', async () => {
  const watches = () => process.getActiveResourcesInfo().filter((name) => /FSEvent|Timeout/.test(name)).length;
  const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await settled(); // watches are closed later
  const before = watches();
  const following = events(engine, { until: BigInt(Date.now() + 3_600_000) * 1_000_000n });
  const first = following.next();
  append(path, 'start');
  await first;
  const second = following.next();
  await settled();
  assert.is(watches(), before + 2, 'inotify and the end');
  append(path, 'die');
  await second;
  await following.return();
  await settled();
  assert.is(watches(), before);
});
test('the run directory is removed meanwhile: an error, and no silence for ever', async () => {
  const following = take(follow(), 1);
  rmSync(engine.paths.runRoot, { recursive: true });
  await following.then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /events: .*: the run directory has been removed/),
  );
});
test('the end before the beginning is refused', async () => {
  await actions({ since: second(2), until: second(1) }).then(
    () => assert.unreachable(),
    (error) => assert.is((error as TsrunError).kind, 'usage'),
  );
});
test.run();
