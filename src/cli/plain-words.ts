import { collect, type Flag } from './flags.ts';

/** What commander's `opts()` would be, and the words behind the options. */
export interface PlainWords {
  opts: Record<string, string | boolean | string[]>;
  operands: string[];
}

/**
 * Reads a verb's words when they are spelled as they mostly are: `--name value`, `--name=value`, `-e value`, `-eKEY=value`, `--rm`, `-it`,
 * and from the first other word on all is the container's. Commander takes 2 ms of a start for the same, and its bundle twenty.
 * @returns undefined when anything is spelled otherwise, wrong or unknown: commander knows what to do with that, and what to say
 */
export function readPlainWords(words: readonly string[], flags: readonly Flag[]): PlainWords | undefined {
  const opts: PlainWords['opts'] = {};
  let at = 0;
  while (at < words.length && words[at]!.startsWith('-')) {
    const taken = readOption(words, at, flags, opts);
    if (taken === 0) return undefined;
    at += taken;
  }
  return { opts, operands: words.slice(at) };
}

/** @returns how many words that were: 0 when it is not plain */
function readOption(words: readonly string[], at: number, flags: readonly Flag[], opts: PlainWords['opts']): 0 | 1 | 2 {
  const word = words[at]!;
  if (!word.startsWith('--')) return readLetters(words, at, flags, opts);
  const equals = word.indexOf('=');
  const flag = flagOf(equals < 0 ? word : word.slice(0, equals), flags);
  if (flag === undefined) return 0;
  if (equals >= 0) return set(opts, flag, word.slice(equals + 1)) ? 1 : 0;
  if (!takesValue(flag)) return setTrue(opts, flag);
  return setNext(opts, flag, words[at + 1]);
}

/** `-it`, `-e value`, `-eKEY=value`, `-ie value`. `-e=value` is pflag's, and not plain. */
function readLetters(
  words: readonly string[],
  at: number,
  flags: readonly Flag[],
  opts: PlainWords['opts'],
): 0 | 1 | 2 {
  const letters = words[at]!.slice(1);
  for (let i = 0; i < letters.length; i++) {
    const flag = flagOf(`-${letters[i]}`, flags);
    if (flag === undefined) return 0;
    const rest = letters.slice(i + 1);
    if (takesValue(flag) && rest === '') return setNext(opts, flag, words[at + 1]);
    if (takesValue(flag)) return !rest.startsWith('=') && set(opts, flag, rest) ? 1 : 0;
    setTrue(opts, flag);
  }
  return letters === '' ? 0 : 1;
}

const takesValue = ([names]: Flag): boolean => names.includes('<');

/** `-e` and `--env` are the names in `-e, --env <KEY=value>`. */
function flagOf(name: string, flags: readonly Flag[]): Flag | undefined {
  return flags.find(
    ([names]) => names.includes(name) && names.split(' ').some((one) => one === name || one === `${name},`),
  );
}

function setTrue(opts: PlainWords['opts'], flag: Flag): 1 {
  opts[keyOf(flag)] = true;
  return 1;
}

/** A next word that looks like an option may be one that somebody forgot a value before. */
function setNext(opts: PlainWords['opts'], flag: Flag, value: string | undefined): 0 | 2 {
  return value !== undefined && !value.startsWith('-') && set(opts, flag, value) ? 2 : 0;
}

function set(opts: PlainWords['opts'], flag: Flag, value: string): boolean {
  if (!takesValue(flag)) return false;
  const key = keyOf(flag);
  opts[key] = flag[2] === 'each' ? collect(value, opts[key] as string[] | undefined) : value;
  return true;
}

/** `addHost` for `--add-host <host:ip>`. */
function keyOf([names]: Flag): string {
  const [name = ''] = names.slice(names.indexOf('--') + 2).split(' ', 1);
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
