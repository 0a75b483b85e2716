import { Command } from 'commander';
import { addFlags } from './flags.ts';
import { STOP_FLAGS, stop } from './stop.ts';

export function stopCommand(): Command {
  return addFlags(new Command('stop'), STOP_FLAGS)
    .description('ask containers to end, and end those that do not')
    .argument('<container...>')
    .action((references: string[], _flags: unknown, self: Command) => stop(references, self.optsWithGlobals()));
}
