import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEvent } from '../../../src/engine/events/event.ts';
import { EventLog } from '../../../src/engine/events/event-log.ts';
import { append, eventLine } from './event-line.ts';

const lines = suite('a line of the file of events');

lines('is read whole, with all digits of its time', () => {
  const event = parseEvent(eventLine('die', { exitCode: '3', name: 'a"b\\' }).trimEnd())!;
  assert.is(event.Action, 'die');
  assert.is(event.status, 'die');
  assert.is(event.timeNano, 1_795_444_323_123_456_789n);
  assert.is(event.time, 1_795_444_323);
  assert.equal(event.Actor.Attributes, { image: '/srv/root', name: 'a"b\\', exitCode: '3' });
});
lines('of two names the later counts: the player adds the one that a container has by then', () => {
  const line = eventLine('die').replace('"name":"web"', '"name":"web","name":"new"').trimEnd();
  assert.is(parseEvent(line)?.Actor.Attributes.name, 'new');
});
lines('behind a torn one is read; what only quotes its beginning is no event', () => {
  const torn = eventLine('start', { label: '{"v":1,' });
  const odd = eventLine('die', { label: '{"v":1,' }).trimEnd();
  for (let length = 0; length < torn.length - 1; length++)
    assert.is(parseEvent(torn.slice(0, length) + odd)?.Action, 'die', `${length}`);
});
lines('that is garbage, of another version or not whole is none', () => {
  const whole = eventLine('die').trimEnd();
  const bad = ['', '\0\0', 'null', '[]', '{', '{"v":1,', '{"v":1,}', '{"v":1,"Actor":null}', '{"v":1,"timeNano":5}'];
  const spoilt = [/"v":1/, /"Action":"die"/, /,"timeNano":\d+/, /"name":"web"/, /"time":\d+/, /"ID":"[01]+"/];
  const changed = spoilt.map((part) => whole.replace(part, (text) => text.replace(/:.*/, ':{}')));
  const cut = Array.from({ length: whole.length }, (_, length) => whole.slice(0, length));
  for (const line of [...bad, ...changed, ...cut]) assert.is(parseEvent(line), undefined, line);
});
lines.run();

const test = suite('the file of events');
let directory: string;
let path: string;
let log: EventLog;
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-events-'));
  path = join(directory, 'events.jsonl');
});
test.after.each(() => {
  log.close();
  rmSync(directory, { recursive: true });
});
const read = (): string[] => log.read().map(({ Action }) => Action);
const rotate = (): void => renameSync(path, `${path}.1`);

test('is not there yet, and then is', () => {
  log = new EventLog(path);
  assert.equal(read(), []);
  append(path, 'create', 'start');
  assert.equal(read(), ['create', 'start']);
  assert.equal(read(), []);
  append(path, 'die');
  assert.equal(read(), ['die']);
});
test('is read after the older one', () => {
  append(path, 'create');
  rotate();
  append(path, 'start');
  log = new EventLog(path);
  assert.equal(read(), ['create', 'start']);
});
test('the older one alone: it has just been moved away', () => {
  append(path, 'create');
  rotate();
  log = new EventLog(path);
  assert.equal(read(), ['create']);
  append(path, 'start');
  assert.equal(read(), ['start']);
});
test('what there is already can be skipped, half a line too', () => {
  append(path, 'create');
  rotate();
  appendFileSync(path, eventLine('start').slice(0, 50));
  log = new EventLog(path);
  log.skip();
  append(`${path}.1`, 'late');
  appendFileSync(path, eventLine('start').slice(50));
  append(path, 'die');
  assert.equal(read(), ['late', 'die']);
});
test('a line that comes in parts is read when it is whole', () => {
  log = new EventLog(path);
  const line = eventLine('é'.repeat(10));
  for (const byte of Buffer.from(line)) {
    assert.equal(read(), []);
    appendFileSync(path, Buffer.of(byte));
  }
  assert.equal(read(), ['é'.repeat(10)]);
});
test('is moved away while it is read: nothing is lost, nor read twice, also of who writes into the older one', () => {
  append(path, 'a');
  log = new EventLog(path);
  assert.equal(read(), ['a']);
  const late = openSync(path, 'a');
  append(path, 'b');
  rotate();
  append(path, 'c');
  assert.equal(read(), ['b', 'c']);
  writeSync(late, eventLine('late'));
  assert.equal(read(), ['late']);
  rotate();
  append(path, 'd');
  rotate();
  append(path, 'e');
  assert.equal(read(), ['d', 'e'], 'two rotations between two looks');
  closeSync(late);
});
test('is moved away, and nothing is written for a while', () => {
  append(path, 'a');
  log = new EventLog(path);
  append(path, 'b');
  rotate();
  assert.equal(read(), ['a', 'b']);
  append(`${path}.1`, 'late');
  assert.equal(read(), ['late']);
  append(path, 'c');
  assert.equal(read(), ['c']);
});
test('a torn line costs that line', () => {
  append(path, 'a');
  appendFileSync(path, eventLine('torn').slice(0, 120));
  append(path, 'b');
  appendFileSync(path, '\0\0\0garbage\n\n');
  append(path, 'c');
  log = new EventLog(path);
  assert.equal(read(), ['a', 'b', 'c']);
});
test('is emptied by somebody', () => {
  append(path, 'a', 'b');
  log = new EventLog(path);
  assert.equal(read(), ['a', 'b']);
  truncateSync(path);
  append(path, 'c');
  assert.equal(read(), ['c']);
});
test('is removed by somebody', () => {
  append(path, 'a');
  log = new EventLog(path);
  rmSync(path);
  append(path, 'b');
  assert.equal(read(), ['a', 'b']);
});
test('a directory or a link in its place has no events', () => {
  writeFileSync(join(directory, 'other'), eventLine('other'));
  symlinkSync('other', path);
  mkdirSync(`${path}.1`);
  log = new EventLog(path);
  assert.equal(read(), []);
  rmSync(path);
  append(path, 'a');
  assert.equal(read(), ['a']);
});
test('more than one read can take', () => {
  const many = Array.from({ length: 5000 }, (_, i) => `n${i}`);
  append(path, ...many);
  log = new EventLog(path);
  assert.equal(read(), many);
});
test.run();
