import { usageError } from './usage-error.ts';

/** Names become file names: no slash, no leading dot, nothing but these (Docker's set). */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** A reference may be one character: the beginning of an id. */
const REFERENCE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** NAME_MAX of every file system we store on, less room for a suffix. */
const MAX_LENGTH = 200;

/** --name */
export function parseName(text: string): string {
  if (!NAME.test(text))
    throw usageError(`Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  if (text.length > MAX_LENGTH) throw usageError(`Invalid container name: longer than ${MAX_LENGTH} characters`);
  return text;
}

/** A name, an id, or the beginning of an id, as exec, rm, inspect … take it; checked before it comes near a path. */
export function parseContainerReference(given: string): string {
  const text = given.startsWith('/') ? given.slice(1) : given; // as `inspect` tells it
  if (!REFERENCE.test(text) || text.length > MAX_LENGTH)
    throw usageError(`invalid container name or ID: '${given.slice(0, MAX_LENGTH)}'`);
  return text;
}
