import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkLog, logSettings, parseLogDriver, parseLogOption } from '../../../src/engine/options/parse-log.ts';
import { failure, reads, refuses } from './tables.ts';

const test = suite('options/log');

reads(test, parseLogDriver, [
  ['json-file', 'json-file'],
  ['local', 'local'],
  ['none', 'none'],
]);
refuses(test, parseLogDriver, [
  ['', "logger: no log driver named '' is registered"],
  ['syslog', "logger: no log driver named 'syslog' is registered"],
  ['toString', "logger: no log driver named 'toString' is registered"],
  ['a\x1b[2J', /^[^\x1b]*$/],
]);
reads(test, parseLogOption, [
  ['max-size=10m', ['max-size', '10m']],
  ['a=b=c', ['a', 'b=c']],
  ['a', ['a', '']],
]);

const settings = (words: string, driver: 'json-file' | 'local' | 'none' = 'json-file') => {
  const options = Object.fromEntries(words.split(' ').filter(Boolean).map(parseLogOption));
  return logSettings(checkLog({ driver, options }));
};

test('how much is kept', () => {
  assert.equal(settings(''), { maxSize: 10_000_000, maxFiles: 3 });
  assert.equal(settings('', 'local'), { maxSize: 20_000_000, maxFiles: 5 });
  assert.equal(settings('', 'none'), { maxSize: 0, maxFiles: 0 });
  assert.equal(settings('max-size=1.5k max-file=1'), { maxSize: 1500, maxFiles: 1 }, 'powers of 1000, as in Docker');
  assert.equal(settings('max-size=3'), { maxSize: 3, maxFiles: 3 });
  assert.equal(settings('max-size=1GB', 'local'), { maxSize: 1_000_000_000, maxFiles: 5 });
});

test('what cannot be is refused in Docker’s words', () => {
  const refused: [string, RegExp | string][] = [
    ['max-size=0', 'max-size must be a positive number'],
    ['max-size=-1', "invalid size: '-1'"],
    ['max-size=', "invalid size: ''"],
    ['max-file=0', 'max-file cannot be less than 1'],
    ['max-file=x', "max-file must be an integer: 'x'"],
    ['max-file=1e9', /max-file must be an integer/],
    ['max-file=1001', 'max-file cannot be more than 1000'],
    ['colour=red', "unknown log opt 'colour' for json-file log driver"],
    ['__proto__=x', "unknown log opt '__proto__' for json-file log driver"],
    ['max-size', "invalid size: ''"],
  ];
  for (const [words, message] of refused)
    if (typeof message === 'string') assert.is(failure(() => settings(words)).message, message);
    else assert.match(failure(() => settings(words)).message, message);
  assert.is(failure(() => settings('max-size=1m', 'none')).message, 'invalid logging opts for driver none');
});

test.run();
