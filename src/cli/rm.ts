import { Command } from 'commander';
import { removeContainer } from '../engine/remove.ts';
import { engineFrom, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { errorText, print, printError } from './report.ts';

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
  for (const reference of references) {
    try {
      await removeContainer(engine, reference, { force });
      print(`${reference}\n`);
    } catch (error) {
      printError(errorText(error));
      process.exitCode = 1;
    }
  }
}
