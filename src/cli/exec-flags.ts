import type { Command } from 'commander';
import { parseContainerReference } from '../engine/options/parse-name.ts';
import { parseWorkdir } from '../engine/options/parse-workdir.ts';
import { usageError } from '../engine/options/usage-error.ts';
import type { ExecOptions } from '../engine/run-options.ts';
import { DETACH_KEYS } from './client-flags.ts';
import { checkedUser, type FlagContext, maybeFlag, readEnvFlags } from './flag-values.ts';
import { addFlags, dockerStyle, type Flag } from './flags.ts';

/** What is read of EXEC_FLAGS. */
export interface ExecFlags {
  detach?: boolean;
  detachKeys?: string;
  env?: string[];
  envFile?: string[];
  interactive?: boolean;
  privileged?: boolean;
  tty?: boolean;
  user?: string;
  workdir?: string;
}

export const EXEC_FLAGS: readonly Flag[] = [
  ['-d, --detach', 'do not wait for the command'],
  DETACH_KEYS,
  ['-e, --env <KEY=value>', "set a variable; KEY alone takes the caller's", 'each'],
  ['--env-file <file>', 'set the variables in this file', 'each'],
  ['-i, --interactive', 'keep stdin open'],
  ['--privileged', 'give the command every capability'],
  ['-t, --tty', 'give it a terminal'],
  ['-u, --user <user[:group]>', 'run as this user, by name or number'],
  ['-w, --workdir <path>', 'start in this directory of the container'],
];

/** Docker's flags of `exec`; options end at the container's name. */
export function addExecFlags(command: Command): Command {
  return addFlags(dockerStyle(command), EXEC_FLAGS);
}

/**
 * @param opts what `command.opts()` returned
 * @throws TsrunError 'usage'
 */
export function readExecFlags(
  opts: ExecFlags,
  container: string,
  command: string[],
  context: FlagContext,
): ExecOptions {
  if (command.length === 0) throw usageError('exec needs a command', 'tsrun exec [options] <container> <command…>');
  return {
    container: parseContainerReference(container),
    command,
    env: readEnvFlags(opts, context),
    workdir: maybeFlag('-w, --workdir', opts.workdir, parseWorkdir),
    user: maybeFlag('-u, --user', opts.user, checkedUser),
    interactive: opts.interactive ?? false,
    tty: opts.tty ?? false,
    detach: opts.detach ?? false,
    privileged: opts.privileged ?? false,
  };
}
