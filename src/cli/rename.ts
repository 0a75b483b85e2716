import { Command } from 'commander';
import { renameContainer } from '../engine/rename.ts';
import { engineFrom, requireRoot } from './context.ts';

export function renameCommand(): Command {
  return new Command('rename')
    .description('give a container another name')
    .argument('<container>')
    .argument('<name>')
    .action(async (reference: string, name: string, _flags: unknown, self: Command) => {
      requireRoot(`rename ${reference}`);
      await renameContainer(engineFrom(self.optsWithGlobals()), reference, name);
    });
}
