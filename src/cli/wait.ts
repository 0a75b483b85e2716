import { Command } from 'commander';
import { waitForContainerEnd } from '../engine/wait.ts';
import { engineFrom, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { errorText, print, printError } from './report.ts';

export function waitCommand(): Command {
  return new Command('wait')
    .description('wait until containers have ended, and print their exit codes')
    .argument('<container...>')
    .action((references: string[], _flags: unknown, self: Command) => wait(references, self.optsWithGlobals()));
}

async function wait(references: string[], flags: GlobalFlags): Promise<void> {
  requireRoot(`wait ${references[0]}`);
  const engine = engineFrom(flags);
  for (const reference of references) {
    try {
      print(`${await waitForContainerEnd(engine, reference)}\n`);
    } catch (error) {
      printError(errorText(error));
      process.exitCode = 1;
    }
  }
}
