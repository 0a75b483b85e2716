import type { Argument, Command, Option } from 'commander';

/** What may stand in a place of the command line. `words`: one of these. */
export type Place = 'container' | 'directory' | 'file' | 'anything' | { words: readonly string[] };

export interface Flag {
  /** With their dashes. */
  long: string | undefined;
  short: string | undefined;
  description: string;
  /** undefined: it takes no value. */
  value: Place | undefined;
}

export interface Verb {
  name: string;
  description: string;
  flags: Flag[];
  /** One for each word; the last one for all further words when `repeats`. */
  places: Place[];
  repeats: boolean;
  /** Flags end at the first word: what follows is the command of a container. */
  flagsEnd: boolean;
}

export interface Grammar {
  /** Before the verb. */
  flags: Flag[];
  verbs: Verb[];
}

/** The definitions that commander parses by, as data. */
export function grammarOf(program: Command): Grammar {
  return {
    flags: flagsOf(program),
    verbs: program.commands.map((command) => {
      const places = command.registeredArguments.map(placeOf);
      return {
        name: command.name(),
        description: command.description(),
        flags: flagsOf(command),
        places,
        repeats: command.registeredArguments.at(-1)?.variadic ?? false,
        flagsEnd: command.registeredArguments.some((argument) => argument.name() === 'command'),
      };
    }),
  };
}

function flagsOf(command: Command): Flag[] {
  const help = command.createHelp();
  return help.visibleOptions(command).map((option) => ({
    long: option.long,
    short: option.short,
    description: option.description,
    value: option.required ? valuePlace(option) : undefined,
  }));
}

function valuePlace(option: Option): Place {
  const [, name = ''] = /<([^>]*)>/.exec(option.flags) ?? [];
  if (name === 'dir') return 'directory';
  return name === 'file' || name.startsWith('source') ? 'file' : 'anything';
}

function placeOf(argument: Argument): Place {
  if (argument.argChoices) return { words: argument.argChoices };
  const name = argument.name();
  if (name === 'container') return 'container';
  return name === 'rootfs' || name === 'dir' ? 'directory' : 'anything';
}

/** In single quotes, for each of the three shells. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function namesOf(flags: readonly Flag[]): string[] {
  return flags.flatMap(({ long, short }) => [long, short].filter((name) => name !== undefined));
}

export function namesWithValue(flags: readonly Flag[]): string[] {
  return namesOf(flags.filter(({ value }) => value !== undefined));
}
