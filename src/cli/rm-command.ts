import { Command } from 'commander';
import { addFlags } from './flags.ts';
import { RM_FLAGS, rm } from './rm.ts';

export function rmCommand(): Command {
  return addFlags(new Command('rm'), RM_FLAGS)
    .description('remove containers, and all that they wrote')
    .argument('<container...>')
    .action((references: string[], _flags: unknown, self: Command) => rm(references, self.optsWithGlobals()));
}
