import { parseDuration as readDuration } from './time-value.ts';
import { usageError } from './usage-error.ts';

/** `1h30m`, `1.5s`, `-300ms`, `0`. @returns ns @throws TsrunError 'usage', in Go's words */
export function parseDuration(text: string): bigint {
  const ns = readDuration(text);
  if (ns !== undefined) return ns;
  const what = /^[-+]?[0-9.]*[0-9][0-9.]*$/.test(text) ? 'missing unit in' : 'invalid';
  throw usageError(
    `time: ${what} duration ${JSON.stringify(text)}`,
    'a duration is numbers with units, such as 90s, 1m30s or 500ms',
  );
}
