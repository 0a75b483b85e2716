import { Command } from 'commander';
import { renameContainer } from '../engine/rename.ts';
import { engineFrom, requireRoot } from './context.ts';
import { sayFailure } from './report.ts';

export function renameCommand(): Command {
  return new Command('rename')
    .description('give a container another name')
    .argument('<container>')
    .argument('<name>')
    .action(async (reference: string, name: string, _flags: unknown, self: Command) => {
      requireRoot(`rename ${reference}`);
      const engine = engineFrom(self.optsWithGlobals());
      try {
        await renameContainer(engine, reference, name);
      } catch (error) {
        sayFailure(error);
        process.exitCode = 1; // Docker's for whatever its daemon refuses; a conflict of names is 125 with `run` alone
      }
    });
}
