import { closeSync } from 'node:fs';
import { Command } from 'commander';
import { execInContainer } from '../engine/exec.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { engineFrom, flagContext, type GlobalFlags, requireRoot } from './context.ts';
import { addExecFlags, type ExecFlags, readExecFlags } from './exec-flags.ts';
import { attachment } from './terminal.ts';

export function execCommand(): Command {
  return addExecFlags(new Command('exec'))
    .description('run another command in a running container')
    .argument('<container>')
    .argument('<command...>')
    .action((container: string, command: string[], _flags: unknown, self: Command) =>
      exec(container, command, self.optsWithGlobals()),
    );
}

async function exec(container: string, command: string[], flags: ExecFlags & GlobalFlags): Promise<void> {
  const goal = `exec ${container}`;
  const options = readExecFlags(flags, container, command, flagContext());
  requireRoot(goal);
  const engine = engineFrom(flags);
  if (options.detach) {
    closeSync((await execInContainer(engine, options, { interactive: false })).control);
    return;
  }
  becomeRelay(goal, await execInContainer(engine, options, attachment(goal, options)));
}
