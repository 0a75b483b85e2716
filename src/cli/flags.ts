import type { Command } from 'commander';

/** An option of a verb: its names and value as commander writes them, and what it is for. 'each': it may be given again and again. */
export type Flag = readonly [names: string, description: string, repeats?: 'each'];

/** Before the verb or behind it. */
export interface GlobalFlags {
  dataRoot?: string;
  logLevel?: string;
}

export const DATA_ROOT: Flag = [
  '--data-root <dir>',
  'where layers and containers are kept (default: /var/lib/tsrun, or $TSRUN_ROOT)',
];
export const LOG_LEVEL: Flag = ['--log-level <level>', 'debug, info, warn or error (default: info)'];

export function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const [names, description, repeats] of flags) {
    const option = command.createOption(names, description);
    option.negate = false; // --no-healthcheck is a name like any other: commander would have `healthcheck` true without it
    command.addOption(repeats === 'each' ? option.argParser(collect) : option);
  }
  return command;
}

/** Docker's line: options end at the first word that is none, and `-h` is not help but a host name. */
export function dockerStyle(command: Command): Command {
  return command.helpOption('--help', 'show this help').passThroughOptions();
}

/** An old name of an option, as scripts still have it: not in the help. */
export function addOldName(command: Command, names: string): Command {
  return command.addOption(command.createOption(names).hideHelp());
}

export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
