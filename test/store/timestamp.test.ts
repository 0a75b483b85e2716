import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { timestamp } from '../../src/store/record.ts';

const test = suite('store/timestamp');

test('the same as Date#toISOString, for days of four centuries', () => {
  for (let day = 0; day < 146_097; day += 13) {
    const ms = day * 86_400_000 + ((day * 7919) % 86_400) * 1000;
    assert.is(timestamp(BigInt(ms) * 1_000_000n), new Date(ms).toISOString().replace('.000', ''));
  }
});

test('around the ends of months and leap years', () => {
  for (const text of [
    '1970-01-01',
    '2000-02-29',
    '2000-03-01',
    '2023-12-31',
    '2024-02-29',
    '2026-11-23',
    '2100-02-28',
  ]) {
    assert.is(timestamp(BigInt(Date.parse(text)) * 1_000_000n), `${text}T00:00:00Z`);
  }
});

test('nanoseconds without the zeroes behind them', () => {
  assert.is(timestamp(1_700_000_000_120_000_000n), '2023-11-14T22:13:20.12Z');
  assert.is(timestamp(1_700_000_000_000_000_001n), '2023-11-14T22:13:20.000000001Z');
});

test.run();
