import type { EnvChange } from '../run-options.ts';
import { usageError } from './usage-error.ts';

/** Longest line of an --env-file that Docker reads, in bytes. */
const MAX_LINE = 64 * 1024;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** White space as Go sees it, which is not quite JavaScript's `\s`. */
const LEADING_SPACE = /^[\t\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

export type CallerEnv = Readonly<Record<string, string | undefined>>;

/**
 * -e: `KEY=value` or `KEY`, which takes the caller's value. A KEY that the caller has not takes the variable away.
 * Names are free, as in Docker: only an empty one is refused.
 */
export function parseEnv(text: string, caller: CallerEnv): EnvChange {
  const [key, value] = split(text);
  if (key === '') throw usageError(`invalid environment variable: ${text}`);
  // execve(2) takes C strings: what follows a NUL would vanish without a word.
  if (text.includes('\0'))
    throw usageError(`invalid environment variable: ${text}`, 'a variable cannot contain a NUL character');
  return [key, value ?? lookUp(caller, key) ?? null];
}

/**
 * --env-file: one `KEY=value` or `KEY` a line. `#` at the start is a comment, quotes and blanks belong to the value.
 * A KEY that the caller has not is left out (with -e it would be taken away: Docker differs here, and so do we).
 */
export function parseEnvFile(content: Buffer, name: string, caller: CallerEnv): EnvChange[] {
  const body = content.subarray(0, BOM.length).equals(BOM) ? content.subarray(BOM.length) : content;
  const result: EnvChange[] = [];
  let number = 0;
  for (const bytes of lines(body)) {
    number += 1;
    const entry = parseLine(
      bytes,
      (problem) => usageError(`invalid env file (${name}): line ${number}: ${problem}`),
      caller,
    );
    if (entry !== undefined) result.push(entry);
  }
  return result;
}

function parseLine(bytes: Buffer, fail: (problem: string) => Error, caller: CallerEnv): EnvChange | undefined {
  if (bytes.length > MAX_LINE) throw fail(`longer than ${MAX_LINE} bytes`);
  const line = decode(bytes, fail).replace(LEADING_SPACE, '');
  if (line === '' || line.startsWith('#')) return undefined;
  const [key, value] = split(line);
  if (key === '') throw fail(`no variable name on line '${line}'`);
  if (/[ \t]/.test(key)) throw fail(`variable '${key}' contains whitespaces`);
  if (line.includes('\0')) throw fail('a variable cannot contain a NUL character');
  const found = value ?? lookUp(caller, key);
  return found === undefined ? undefined : [key, found];
}

function split(text: string): [key: string, value: string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Own properties only: `-e constructor` is not to find Object's. */
function lookUp(caller: CallerEnv, key: string): string | undefined {
  return Object.hasOwn(caller, key) ? caller[key] : undefined;
}

/** Ends at a line feed, less one carriage return before it. */
function* lines(body: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < body.length) {
    const feed = body.indexOf(0x0a, start);
    const end = feed < 0 ? body.length : feed;
    yield body.subarray(start, end > start && body[end - 1] === 0x0d ? end - 1 : end);
    start = end + 1;
  }
}

function decode(bytes: Buffer, fail: (problem: string) => Error): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fail('invalid UTF-8');
  }
}
