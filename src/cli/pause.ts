import { Command } from 'commander';
import { pauseContainer, unpauseContainer } from '../engine/pause.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forEach } from './each.ts';

export function pauseCommand(): Command {
  return forContainers('pause', 'stop all processes of containers where they are', pauseContainer);
}

export function unpauseCommand(): Command {
  return forContainers('unpause', 'let the processes of paused containers go on', unpauseContainer);
}

function forContainers(verb: string, description: string, work: typeof pauseContainer): Command {
  return new Command(verb)
    .description(description)
    .argument('<container...>')
    .action(async (references: string[], _flags: unknown, self: Command) => {
      requireRoot(`${verb} ${references[0]}`);
      const engine = engineFrom(self.optsWithGlobals());
      await forEach(references, (reference) => work(engine, reference));
    });
}
