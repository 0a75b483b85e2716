import { Command } from 'commander';
import { removeContainer } from '../engine/remove.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forEach } from './each.ts';
import type { GlobalFlags } from './flags.ts';

interface RmFlags extends GlobalFlags {
  force?: boolean;
}

export function rmCommand(): Command {
  return new Command('rm')
    .description('remove containers, and all that they wrote')
    .argument('<container...>')
    .option('-f, --force', 'kill what runs first, and remove what is damaged')
    .action((references: string[], _flags: unknown, self: Command) => rm(references, self.optsWithGlobals()));
}

async function rm(references: string[], flags: RmFlags): Promise<void> {
  requireRoot(`rm ${references[0]}`);
  const engine = engineFrom(flags);
  const force = flags.force ?? false;
  await forEach(references, (reference) => removeContainer(engine, reference, { force }));
}
