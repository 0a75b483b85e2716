import { TsrunError } from '../errors/tsrun-error.ts';
import type { ListedContainer } from './list.ts';
import { hasLabel } from './list-filter.ts';

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;

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

function parseTime(text: string, now: number): number {
  if (DURATION.test(text)) {
    const parts = [...text.matchAll(/([\d.]+)([a-zµ]+)/g)];
    return now - parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit ?? '']!, 0);
  }
  const time = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new TsrunError('usage', `invalid filter 'until=${text}'`, {
      hint: 'a time such as 2026-01-31T12:00:00, or a span such as 24h',
    });
  return time;
}
