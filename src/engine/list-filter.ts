import { TsrunError } from '../errors/tsrun-error.ts';
import { HEALTH_STATES } from './health.ts';
import type { ListedContainer } from './list.ts';

const KEYS = ['name', 'id', 'status', 'label', 'exited', 'health'] as const;
const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

/** What `ps -f` asks for: values of one key are alternatives, of `label` all must hold. */
export interface ListFilter {
  /** Without --all only what runs is listed, unless a status is asked for. */
  wantsStatus: boolean;
  matches(container: ListedContainer): boolean;
  /** A damaged container has an id and the status `dead`. */
  matchesDamaged(id: string): boolean;
}

/** @param texts `key=value` each @throws TsrunError 'usage' */
export function parseListFilter(texts: readonly string[]): ListFilter {
  const wanted = new Map<string, string[]>();
  for (const text of texts) {
    const [key, value] = parsePair(text);
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  const values = (key: (typeof KEYS)[number]): string[] => wanted.get(key) ?? [];
  const codes = values('exited').map((value) => parseCode(value));
  values('status').forEach(checkState);
  values('health').forEach(checkHealth);
  const any = (texts: readonly string[], holds: (text: string) => boolean) => texts.length === 0 || texts.some(holds);
  return {
    wantsStatus: values('status').length > 0,
    matches: ({ id, record, options, status, health = 'none' }) =>
      any(values('name'), (text) => matchesText(text, record.name)) &&
      any(values('id'), (text) => matchesText(text, id)) &&
      any(values('status'), (text) => text === status.status) &&
      any(values('health'), (text) => text === health) &&
      values('label').every((text) => hasLabel(options.labels, text)) &&
      (codes.length === 0 || (status.status === 'exited' && codes.includes(status.exitCode))),
    matchesDamaged: (id) =>
      any(values('id'), (text) => matchesText(text, id)) &&
      any(values('status'), (text) => text === 'dead') &&
      [values('name'), values('label'), values('health'), codes].every((list) => list.length === 0),
  };
}

function parsePair(text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  const key = text.slice(0, at).trim().toLowerCase();
  if (at < 0) throw new TsrunError('usage', `invalid filter '${text}': must be key=value`, { hint: 'ps -f name=web' });
  if (!(KEYS as readonly string[]).includes(key))
    throw new TsrunError('usage', `invalid filter '${key}'`, { exitCode: 1, hint: `the keys are ${KEYS.join(', ')}` });
  return [key, text.slice(at + 1).trim()];
}

function parseCode(value: string): number {
  if (!/^[0-9]{1,3}$/.test(value))
    throw new TsrunError('usage', `invalid filter 'exited=${value}'`, {
      exitCode: 1,
      hint: 'an exit code from 0 to 255',
    });
  return Number(value);
}

function checkState(value: string): void {
  if (STATES.includes(value)) return;
  throw new TsrunError('usage', `invalid filter 'status=${value}'`, {
    exitCode: 1,
    hint: `one of ${STATES.join(', ')}`,
  });
}

function checkHealth(value: string): void {
  if ((HEALTH_STATES as readonly string[]).includes(value)) return;
  throw new TsrunError('usage', `invalid filter 'health=${value}'`, {
    exitCode: 1,
    hint: `one of ${HEALTH_STATES.join(', ')}`,
  });
}

/** Docker's: the very text, or a regular expression that is found in it. */
function matchesText(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  try {
    return new RegExp(pattern).test(text) || new RegExp(pattern).test(`/${text}`);
  } catch {
    return false;
  }
}

/** `key`, or `key=value` exactly. */
export function hasLabel(labels: ReadonlyMap<string, string>, text: string): boolean {
  const at = text.indexOf('=');
  return at < 0 ? labels.has(text) : labels.get(text.slice(0, at)) === text.slice(at + 1);
}
