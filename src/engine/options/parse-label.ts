import { usageError } from './usage-error.ts';

/** -l: `key=value`, or `key` for an empty value. The key has no blanks in it; the value is free. */
export function parseLabel(text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  const key = (at < 0 ? text : text.slice(0, at)).replace(/^[ \t]+/, '');
  if (key === '') throw usageError(`invalid label '${text}': empty name`);
  if (/[ \t]/.test(key)) throw usageError(`label '${key}' contains whitespaces`);
  if (text.includes('\0')) throw usageError(`invalid label '${text}': NUL character`);
  return [key, at < 0 ? '' : text.slice(at + 1)];
}
