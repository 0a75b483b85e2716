import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkHealth } from '../../../src/engine/options/check-health.ts';
import { parseDuration } from '../../../src/engine/options/parse-duration.ts';
import { parseRestart } from '../../../src/engine/options/parse-restart.ts';
import { failure, reads, refuses } from './tables.ts';

const restart = suite('options/restart');
const policy = (name: string, maximumRetryCount = 0) => ({ name, maximumRetryCount });

reads(restart, parseRestart, [
  ['no', policy('no')],
  ['always', policy('always')],
  ['always:', policy('always')],
  ['always:0', policy('always')],
  ['unless-stopped', policy('unless-stopped')],
  ['on-failure', policy('on-failure')],
  ['on-failure:5', policy('on-failure', 5)],
  ['on-failure:+5', policy('on-failure', 5)],
]);
const ONE_OF = "use one of 'no', 'always', 'on-failure', 'unless-stopped'";
refuses(restart, parseRestart, [
  ['', `invalid restart policy: unknown policy ''; ${ONE_OF}`],
  ['Always', `invalid restart policy: unknown policy 'Always'; ${ONE_OF}`],
  [' always', /unknown policy ' always'/],
  ['a\x1b[2J', /^[^\x1b]*$/],
  [':3', 'invalid restart policy format: no policy provided before colon'],
  ['on-failure:x', 'invalid restart policy format: maximum retry count must be an integer'],
  ['on-failure:1:2', 'invalid restart policy format: maximum retry count must be an integer'],
  ['on-failure:1e3', 'invalid restart policy format: maximum retry count must be an integer'],
  ['on-failure:9223372036854775808', 'invalid restart policy format: maximum retry count must be an integer'],
  ['on-failure:-1', 'invalid restart policy: maximum retry count cannot be negative'],
  ['always:3', "invalid restart policy: maximum retry count can only be used with 'on-failure'"],
  ['no:-3', "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative"],
]);
restart.run();

const duration = suite('options/duration');
reads(duration, parseDuration, [
  ['0', 0n],
  ['1m30s', 90_000_000_000n],
  ['-500ms', -500_000_000n],
]);
refuses(duration, parseDuration, [
  ['', 'time: invalid duration ""'],
  ['x', 'time: invalid duration "x"'],
  ['5', 'time: missing unit in duration "5"'],
  ['0.5', 'time: missing unit in duration "0.5"'],
  ['9999999h', 'time: invalid duration "9999999h"'],
]);
duration.run();

const health = suite('options/health');
const plain = { test: ['CMD-SHELL', 'true'], interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };

health('zeros are the defaults', () => assert.equal(checkHealth(plain), plain));
for (const [what, wrong, message] of [
  ['an interval of a microsecond', { interval: 1000 }, 'Interval in Healthcheck cannot be less than 1ms'],
  ['a negative timeout', { timeout: -1 }, 'Timeout in Healthcheck cannot be less than 1ms'],
  ['a start period that is none', { startPeriod: Number.NaN }, 'StartPeriod in Healthcheck must be ns'],
  ['half a retry', { retries: 0.5 }, 'Retries in Healthcheck must be an integer'],
  ['negative retries', { retries: -1 }, 'Retries in Healthcheck cannot be negative'],
  ['another kind of test', { test: ['SH', 'true'] }, "Unknown healthcheck type 'SH'"],
  ['a test of nothing', { test: ['CMD'] }, 'Healthcheck of type CMD needs a command'],
] as const)
  health(`refuses ${what}`, () =>
    assert.is(failure(() => checkHealth({ ...plain, ...(wrong as object) })).message, message),
  );
health.run();
