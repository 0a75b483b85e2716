import { Argument, Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import { fishScript } from './completion/fish.ts';
import { grammarOf } from './completion/grammar.ts';
import { zshScript } from './completion/zsh.ts';
import { print } from './report.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };
type Shell = keyof typeof SCRIPTS;

const HELP = `
Load it for this shell:
  bash: source <(tsrun completion bash)
  zsh:  source <(tsrun completion zsh)
  fish: tsrun completion fish | source`;

/** @param program makes the whole command line: the scripts are written from it, so that they cannot say anything else */
export function completionCommand(program: () => Promise<Command>): Command {
  return new Command('completion')
    .description('print a script that completes words of tsrun in a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', HELP)
    .action(async (shell: Shell) => print(SCRIPTS[shell](grammarOf(await program()))));
}
