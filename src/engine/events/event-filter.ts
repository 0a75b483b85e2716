import { TsrunError } from '../../errors/tsrun-error.ts';
import type { ContainerEvent } from './event.ts';

/** Docker has more keys: for images, networks, volumes and plugins, of which nothing happens here. */
const KEYS = ['container', 'event', 'image', 'label', 'scope', 'type'] as const;
type Key = (typeof KEYS)[number];

/** Of these Docker finds all, whatever is behind the colon. */
const WITH_MORE = ['health_status', 'exec_create', 'exec_start'];

/** By its beginning: a container's id or name. */
const begins = (wanted: string, ...texts: (string | undefined)[]): boolean =>
  texts.some((text) => text?.startsWith(wanted));

const MATCHES: Readonly<Record<Key, (wanted: readonly string[], event: ContainerEvent) => boolean>> = {
  container: (wanted, { Actor: { ID, Attributes } }) => wanted.some((text) => begins(text, ID, Attributes.name)),
  event: (wanted, { Action }) =>
    wanted.some((text) => text === Action) ||
    (wanted.some((text) => WITH_MORE.includes(text)) && wanted.some((text) => begins(text, Action))),
  image: (wanted, { Actor: { Attributes } }) => wanted.includes(Attributes.image ?? ''),
  label: (wanted, { Actor: { Attributes } }) => wanted.every((text) => hasAttribute(Attributes, text)),
  scope: (wanted, { scope }) => wanted.includes(scope),
  type: (wanted, { Type }) => wanted.includes(Type),
};

/**
 * What `events -f` asks for: values of one key are alternatives, but labels must all be there; different keys must all match. As in
 * Docker, where `label=` knows the other attributes, too: `label=exitCode=1`.
 * @param texts `key=value` each @throws TsrunError 'usage'
 */
export function parseEventFilter(texts: readonly string[]): (event: ContainerEvent) => boolean {
  const wanted = new Map<Key, string[]>();
  for (const text of texts) {
    const [key, value] = parsePair(text);
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  return (event) => [...wanted].every(([key, values]) => MATCHES[key](values, event));
}

function parsePair(text: string): [key: Key, value: string] {
  const at = text.indexOf('=');
  if (at < 0)
    throw new TsrunError('usage', `invalid filter '${text}': bad format of filter (expected name=value)`, {
      hint: 'events -f event=die',
    });
  const key = text.slice(0, at).trim().toLowerCase();
  if (!(KEYS as readonly string[]).includes(key))
    throw new TsrunError('usage', `invalid filter '${key}'`, { hint: `the keys are ${KEYS.join(', ')}` });
  return [key as Key, text.slice(at + 1).trim()];
}

function hasAttribute(attributes: Readonly<Record<string, string>>, text: string): boolean {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  return Object.hasOwn(attributes, key) && (at < 0 || attributes[key] === text.slice(at + 1));
}
