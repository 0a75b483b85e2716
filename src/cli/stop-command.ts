import { Command } from 'commander';
import { addFlags, addOldName } from './flags.ts';
import { OLD_TIMEOUT, STOP_FLAGS, stop } from './stop.ts';

export function stopCommand(): Command {
  return addOldName(addFlags(new Command('stop'), STOP_FLAGS), OLD_TIMEOUT)
    .description('ask containers to end, and end those that do not')
    .argument('<container...>')
    .action((references: string[], _flags: unknown, self: Command) => stop(references, self.optsWithGlobals()));
}
