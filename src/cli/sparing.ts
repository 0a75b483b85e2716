import { Command } from 'commander';

/** Whether one of an option's names (`-e, --env <KEY=value>`) is mentioned. */
export type Mentioned = (flags: string) => boolean;

/** `-e` and `--env` in `-e, --env <KEY=value>`, but not `--env` in `--env-file <file>`. */
function hasName(flags: string, name: string): boolean {
  const at = flags.indexOf(name);
  if (at < 0 || (at > 0 && flags[at - 1] !== ' ')) return false;
  const behind = flags[at + name.length];
  return behind === undefined || behind === ' ' || behind === ',';
}

/**
 * The names of options that may be among these words, and perhaps others: a word such as `-it` mentions both letters, and what a word
 * means is not known here. undefined where all options are wanted: for help.
 */
export function mentionedIn(words: readonly string[]): Mentioned | undefined {
  const names = new Set<string>();
  for (const word of words) {
    if (word.startsWith('--')) names.add(word.split('=', 1)[0]!);
    else if (word.startsWith('-')) for (const letter of word.slice(1)) names.add(`-${letter}`);
  }
  if (names.has('--help')) return undefined;
  const list = [...names];
  return (flags) => list.some((name) => hasName(flags, name));
}

/**
 * A command that has only the options that are mentioned: an option costs a start 40 µs, and `run` has thirty. What it does not
 * understand is for the whole command to complain of.
 */
export class SparingCommand extends Command {
  readonly #mentioned: Mentioned | undefined;

  constructor(name: string, mentioned?: Mentioned) {
    super(name);
    this.#mentioned = mentioned;
  }

  override option(flags: string, ...rest: unknown[]): this {
    if (this.#mentioned?.(flags) === false) return this;
    return (super.option as (...all: unknown[]) => this).call(this, flags, ...rest);
  }
}
