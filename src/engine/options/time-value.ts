import { usageError } from './usage-error.ts';

/** Nanoseconds of Go's units. */
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5, the micro sign
  μs: 1_000n, // U+03BC, the Greek letter
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const SECOND = 1_000_000_000n;
const LONGEST = 2n ** 63n - 1n;
/** As escapes: bundles are ASCII (bin/build.mjs), and nobody could make a regular expression so. */
const PART = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;
const TIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{1,2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?$/;
const HINT =
  'a time such as 2026-11-23T14:30:05 or 2026-11-23, seconds since 1970, or how long ago: 90s, 10m, 1h30m, 1.5h';

/** A duration as Go writes it, in ns: `1h30m`, `1.5s`, `-300ms`, `0`. undefined when it is none, or longer than 292 years. */
export function parseDuration(text: string): bigint | undefined {
  const [, sign, rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0n;
  const parts = [...rest.matchAll(PART)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== rest) return undefined;
  let sum = 0n;
  for (const [, number = '', unit = ''] of parts) {
    const [whole = '', fraction = ''] = number.split('.');
    const size = UNITS[unit]!;
    sum += BigInt(whole || '0') * size + (BigInt(fraction || '0') * size) / 10n ** BigInt(fraction.length);
  }
  if (sum > LONGEST) return undefined;
  return sign === '-' ? -sum : sum;
}

/**
 * What --since and --until name, in ns since 1970: a duration is so long before `now` (or after, with a minus in front), a number
 * seconds since 1970, anything else a time of RFC 3339 that may end after the day, the hour or the minute. One without a zone is in
 * ours, as it is `now`: Docker's rules. Docker rounds durations to seconds; here they are exact.
 * @throws TsrunError 'usage'
 */
export function parseTimeValue(text: string, now: bigint): bigint {
  const duration = text === '0' ? undefined : parseDuration(text);
  if (duration !== undefined) return now - duration;
  const [, seconds, fraction = ''] = /^([0-9]{1,18})(?:\.([0-9]+))?$/.exec(text) ?? [];
  if (seconds !== undefined) return BigInt(seconds) * SECOND + nanoseconds(fraction);
  const match = TIME.exec(text);
  if (match === null) throw usageError(`failed to parse value as time or duration: "${text}"`, HINT);
  return timeOf(match, text, now);
}

/** Nine digits of a fraction. */
function nanoseconds(fraction: string): bigint {
  return BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

function timeOf(match: RegExpExecArray, text: string, now: bigint): bigint {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // Date.UTC takes years below 100 for others
  const check = (holds: boolean, what: string) => {
    if (!holds) throw usageError(`parsing time "${text}": ${what} out of range`, HINT);
  };
  check(month >= 1 && month <= 12, 'month');
  check(date.getUTCDate() === day, 'day');
  check(hour < 24, 'hour');
  check(minute < 60, 'minute');
  check(second < 60, 'second');
  const minutes = zoneMinutes(match[8], now);
  check(Math.abs(minutes) <= 24 * 60, 'time zone offset');
  const inZone = date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
  return BigInt(inZone - minutes * 60) * SECOND + nanoseconds(match[7] ?? '');
}

/** East of Greenwich. Without a zone in the text: ours, as it is now, also for a time in winter when it is summer. */
function zoneMinutes(zone: string | undefined, now: bigint): number {
  if (zone === undefined) return -new Date(Number(now / 1_000_000n)).getTimezoneOffset();
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return zone.startsWith('-') ? -minutes : minutes;
}
