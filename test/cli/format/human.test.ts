import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { escapeControl } from '../../../src/cli/format/escape-control.ts';
import { bytesSize, commandCell, ellipsis, humanDuration, humanSize } from '../../../src/cli/format/human.ts';

const test = suite('format: human');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test('durations change their unit where docker does', () => {
  const words: [number, string][] = [
    [-5, 'Less than a second'],
    [999, 'Less than a second'],
    [SECOND, '1 second'],
    [1999, '1 second'],
    [59.9 * SECOND, '59 seconds'],
    [MINUTE, 'About a minute'],
    [2 * MINUTE, '2 minutes'],
    [HOUR - 1, '59 minutes'],
    [HOUR, 'About an hour'],
    [1.5 * HOUR - 1, 'About an hour'],
    [1.5 * HOUR, '2 hours'],
    [47.5 * HOUR - 1, '47 hours'],
    [47.5 * HOUR, '2 days'],
    [14 * DAY - HOUR, '13 days'],
    [14 * DAY, '2 weeks'],
    [59 * DAY, '8 weeks'],
    [60 * DAY, '2 months'],
    [729 * DAY, '24 months'],
    [730 * DAY, '2 years'],
  ];
  for (const [ms, text] of words) assert.is(humanDuration(ms), text, `${ms} ms`);
});

test('sizes have three decimal or four binary digits', () => {
  assert.equal(
    [0, 1, 999, 1000, 12250, 12350, 1145, 999_999, 123e6].map((bytes) => humanSize(bytes)),
    ['0B', '1B', '999B', '1kB', '12.2kB', '12.3kB', '1.15kB', '1e+03kB', '123MB'],
  );
  assert.equal(
    [0, 1023, 1024, 1536, 2 ** 31, 2097152000].map((bytes) => bytesSize(bytes)),
    ['0B', '1023B', '1KiB', '1.5KiB', '2GiB', '1.953GiB'],
  );
});

test('commands are cut to twenty columns and quoted', () => {
  assert.is(commandCell(`bash -c 'echo "hello" world'`), `"bash -c 'echo \\"hell…"`);
  assert.is(commandCell('a'.repeat(30), false), `"${'a'.repeat(30)}"`);
  assert.is(commandCell('\x1b[2J\x9b\u202e'), '"\\x1b[2J\\u009b\\u202e"');
  assert.equal(
    [0, 1, 2, 5, 6].map((width) => ellipsis('世界世', width)),
    ['', '世', '…', '世界…', '世界世'],
  );
});

test('terminal injection: no control character survives', () => {
  assert.is(escapeControl('a\x1b]0;title\x07b'), 'a\\x1b]0;title\\x07b');
  assert.is(escapeControl('\r\n\t\x00\x7f\x9b31m'), '\\r\\n\\t\\x00\\x7f\\x9b31m');
  assert.is(escapeControl('\u202egnp.exe\u2066\u2028\ud800'), '\\u202egnp.exe\\u2066\\u2028\ufffd');
  assert.is(escapeControl('ünï 世界 😀 <b>'), 'ünï 世界 😀 <b>');
  const all = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).join('');
  assert.not.match(escapeControl(all), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
});

test.run();
