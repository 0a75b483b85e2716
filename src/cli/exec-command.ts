import { Command } from 'commander';
import { withDockerWords } from './docker-words.ts';
import { exec } from './exec.ts';
import { addExecFlags } from './exec-flags.ts';

export function execCommand(): Command {
  return withDockerWords(addExecFlags(new Command('exec')))
    .description('run another command in a running container')
    .argument('<container>')
    .argument('<command...>')
    .action((container: string, command: string[], _flags: unknown, self: Command) =>
      exec(container, command, self.optsWithGlobals()),
    );
}
