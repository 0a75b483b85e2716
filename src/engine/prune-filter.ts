import { TsrunError } from '../errors/tsrun-error.ts';
import type { ListedContainer } from './list.ts';
import { hasLabel } from './list-filter.ts';
import { parseTimeValue } from './options/time-value.ts';

const NS_A_MS = 1_000_000n;

/**
 * Docker's filters of `prune`: `label=KEY[=VALUE]`, `label!=…`, `until=TIME`, where TIME is seconds since 1970, a date and time, or a
 * span such as `1h30m` that is counted back from `now`. All must hold.
 * @param now ms since 1970
 * @throws TsrunError 'usage'
 */
export function parsePruneFilter(texts: readonly string[], now = Date.now()): (container: ListedContainer) => boolean {
  const conditions = texts.map((text) => parseCondition(text, now));
  return (container) => conditions.every((holds) => holds(container));
}

function parseCondition(text: string, now: number): (container: ListedContainer) => boolean {
  const [, key, not, value = ''] = /^([a-z]+)(!?)=(.*)$/s.exec(text) ?? [];
  if (key === undefined)
    throw new TsrunError('usage', `invalid filter '${text}': must be key=value`, { hint: 'label=keep or until=24h' });
  if (key === 'label') return ({ options }) => hasLabel(options.labels, value) === (not === '');
  if (key !== 'until' || not !== '')
    throw new TsrunError('usage', `invalid filter '${key}${not}'`, { hint: 'the keys are label and until' });
  const until = parseTime(value, now);
  return ({ record }) => Date.parse(record.created) < until;
}

/** ms since 1970. */
function parseTime(text: string, now: number): number {
  try {
    const ns = parseTimeValue(text, BigInt(now) * NS_A_MS);
    return Number(ns / NS_A_MS);
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    throw new TsrunError('usage', `invalid filter 'until=${text}'`, { hint: error.hint, cause: error });
  }
}
