import type { Command, Option } from 'commander';
import { usageError } from '../engine/options/usage-error.ts';

/** Go's strconv.ParseBool. */
const BOOLEANS = new Map([
  ...['1', 't', 'T', 'true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

/** Words as commander reads them. */
export interface Spelled {
  words: string[];
  /** What was said last of each flag without a value, by commander's name for it. */
  said: Map<string, boolean>;
}

/**
 * Docker's words are read by Go's pflag, which knows spellings that commander does not: `--rm=true`, `-t=false`, `-e=KEY=value`.
 * Words from the first positional on belong to the container's command and stay as they are.
 * @throws TsrunError 'usage' when a flag without a value is given one that is neither true nor false
 */
export function spellOut(argv: readonly string[], options: readonly Option[]): Spelled {
  const spelled: Spelled = { words: [], said: new Map() };
  let at = 0;
  while (at < argv.length && argv[at]!.startsWith('-') && argv[at] !== '-' && argv[at] !== '--') {
    const word = argv[at++]!;
    const takesNext = word.startsWith('--') ? spellLong(word, options, spelled) : spellLetters(word, options, spelled);
    if (takesNext && at < argv.length) spelled.words.push(argv[at++]!);
  }
  spelled.words.push(...argv.slice(at));
  return spelled;
}

/** @returns whether the next word is its value */
function spellLong(word: string, options: readonly Option[], spelled: Spelled): boolean {
  const [name = '', ...rest] = word.split('=');
  const option = options.find(({ long }) => long === name);
  if (option !== undefined && isSwitch(option)) say(spelled, option, name, rest.length > 0 ? rest.join('=') : 'true');
  else spelled.words.push(word);
  return rest.length === 0 && option?.required === true;
}

/** `-it`, `-eKEY=value`, `-e=KEY=value`, `-it=false`: each letter a word of its own. */
function spellLetters(word: string, options: readonly Option[], spelled: Spelled): boolean {
  for (let at = 1; at < word.length; at++) {
    const name = `-${word[at]}`;
    const option = options.find(({ short }) => short === name);
    const rest = word.slice(at + 1);
    const value = rest.length > 1 && rest.startsWith('=') ? rest.slice(1) : undefined;
    if (option === undefined || !isSwitch(option)) {
      spelled.words.push(option === undefined ? `-${word.slice(at)}` : name + (value ?? rest));
      return option?.required === true && rest === '';
    }
    say(spelled, option, name, value ?? 'true');
    if (value !== undefined) return false;
  }
  return false;
}

const isSwitch = (option: Option): boolean => !option.required && !option.optional;

function say(spelled: Spelled, option: Option, name: string, value: string): void {
  const on = BOOLEANS.get(value);
  if (on === undefined) throw usageError(`invalid argument "${value}" for "${name}" flag: it is true or false`);
  if (on) spelled.words.push(name);
  spelled.said.set(option.attributeName(), on);
}

/** Teaches a command to read its words so. */
export function withDockerWords(command: Command): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (argv) => {
    const { words, said } = spellOut(argv, command.options);
    const parsed = parse(words);
    for (const [name, on] of said) if (!on) command.setOptionValueWithSource(name, false, 'cli');
    return parsed;
  };
  return command;
}
