import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDuration, parseTimeValue } from '../../../src/engine/options/time-value.ts';
import { reads, refuses } from './tables.ts';

/** 2026-11-23T14:37:45.5Z */
const NOW = 1_795_444_665_500_000_000n;
const at = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n;

/** What `docker events --since` (28.2) sends to its daemon for each, but for fractions of seconds in durations, which it drops. */
const times = suite('options/time value');
times.before.each(() => {
  process.env.TZ = 'UTC';
});
reads(times as unknown as Test, (text) => parseTimeValue(text, NOW), [
  ['10m', NOW - 600_000_000_000n],
  ['1.5h', NOW - 5_400_000_000_000n],
  ['1h30m5s', NOW - 5_405_000_000_000n],
  ['+5m', NOW - 300_000_000_000n],
  ['-5m', NOW + 300_000_000_000n],
  ['100ms', NOW - 100_000_000n],
  ['0s', NOW],
  ['0', 0n],
  ['5', 5_000_000_000n],
  ['1136073600', 1_136_073_600_000_000_000n],
  ['1136073600.000000001', 1_136_073_600_000_000_001n],
  ['1136073600.5', 1_136_073_600_500_000_000n],
  ['1.1234567890123', 1_123_456_789n],
  ['2026-11-23', at('2026-11-23T00:00:00Z')],
  ['2026-11-23T14', at('2026-11-23T14:00:00Z')],
  ['2026-11-23T1:02', at('2026-11-23T01:02:00Z')],
  ['2026-11-23T14:30', at('2026-11-23T14:30:00Z')],
  ['2026-11-23T14:30:05', at('2026-11-23T14:30:05Z')],
  ['2026-11-23T14:30:05.5', at('2026-11-23T14:30:05.5Z')],
  ['2026-11-23T14:30:05,5', at('2026-11-23T14:30:05.5Z')],
  ['2026-11-23T14:30:05.123456789Z', at('2026-11-23T14:30:05Z') + 123_456_789n],
  ['2026-11-23T14:30:05+02:00', at('2026-11-23T12:30:05Z')],
  ['2026-11-23T14:30-02:00', at('2026-11-23T16:30:00Z')],
  ['2026-11-23Z', at('2026-11-23T00:00:00Z')],
  ['2026-11-23+01:00', at('2026-11-22T23:00:00Z')],
  ['2024-02-29', at('2024-02-29T00:00:00Z')],
  ['0099-03-01', at('0099-03-01T00:00:00Z')],
  ['1969-12-31T23:59:59.5Z', -500_000_000n],
]);
const unread = (text: string): [string, string] => [text, `failed to parse value as time or duration: "${text}"`];
const outOfRange = (text: string, what: string): [string, string] => [
  text,
  `parsing time "${text}": ${what} out of range`,
];
refuses(times as unknown as Test, (text) => parseTimeValue(text, NOW), [
  unread(''),
  unread('foo'),
  unread('1e3'),
  unread('-5'),
  unread('-1.5'),
  unread('1.'),
  unread('.5'),
  unread('5 m'),
  unread('5d'),
  unread('24:00'),
  unread('2026-11-23 14:30:00'),
  unread('2026-11-23T1:2'),
  unread('2026-11-23T14z'),
  unread('2026-11-23T14:30:05Zx'),
  unread('99999999999999999999'),
  unread('9999999h'),
  outOfRange('2026-13-23', 'month'),
  outOfRange('2026-02-30', 'day'),
  outOfRange('2026-11-00', 'day'),
  outOfRange('2026-11-23T24:00:00Z', 'hour'),
  outOfRange('2026-11-23T23:60', 'minute'),
  outOfRange('2026-11-23T23:59:60Z', 'second'),
  outOfRange('2026-11-23+25:00', 'time zone offset'),
]);
times('a time without a zone is in the zone of the reader, as it is now', () => {
  process.env.TZ = 'Europe/Berlin';
  const summer = at('2026-07-01T12:00:00Z');
  assert.is(parseTimeValue('2026-11-23T14:30', NOW), at('2026-11-23T13:30:00Z'));
  assert.is(parseTimeValue('2026-11-23T14:30', summer), at('2026-11-23T12:30:00Z'));
  assert.is(parseTimeValue('2026-11-23T14:30Z', NOW), at('2026-11-23T14:30:00Z'));
});
times('control characters of a value are shown, not obeyed', () => {
  assert.throws(() => parseTimeValue('\x1b[2J', NOW), /"\\x1b\[2J"/);
});
times.run();

const durations = suite('options/duration');
reads(durations as unknown as Test, parseDuration, [
  ['0', 0n],
  ['-0', 0n],
  ['1ns', 1n],
  ['1us', 1_000n],
  ['1µs', 1_000n],
  ['1μs', 1_000n],
  ['1.5ms', 1_500_000n],
  ['.5s', 500_000_000n],
  ['1.s', 1_000_000_000n],
  ['2m3s', 123_000_000_000n],
  ['-1h', -3_600_000_000_000n],
  ['0.9ns', 0n],
  ['', undefined],
  ['5', undefined],
  ['s', undefined],
  ['.s', undefined],
  ['1m5', undefined],
  ['1 m', undefined],
  ['--1m', undefined],
  ['1m\n', undefined],
  ['9999999h', undefined],
]);
durations.run();
