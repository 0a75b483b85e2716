import { Command, CommanderError } from 'commander';
import { ENGINE_VERSION } from '../engine/engine.ts';
import { addFlags, DATA_ROOT, type GlobalFlags, LOG_LEVEL } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { setLogLevel } from './log-level.ts';
import { OWN_FAILURE, print, printError, sayFailure } from './report.ts';
import { VERBS } from './verbs.ts';

/** Only the verb that was asked for is built. */
async function program(verb: string | undefined): Promise<Command> {
  const root = new Command('tsrun')
    .description('containers on overlay mounts, every step of them shown')
    .version(`tsrun version ${ENGINE_VERSION}`, '-v, --version', 'print the version')
    .enablePositionalOptions()
    .hook('preAction', (_, command) => setLogLevel(command.optsWithGlobals<GlobalFlags>().logLevel ?? 'info'));
  const chosen = verb !== undefined && Object.hasOwn(VERBS, verb) ? [VERBS[verb]!] : Object.values(VERBS);
  for (const make of chosen) root.addCommand(prepareAll(await make(() => program(undefined))));
  return prepare(root);
}

/** Before the verb or behind it: --data-root and --log-level are everybody's. */
function prepare(command: Command): Command {
  return addFlags(command, [DATA_ROOT, LOG_LEVEL])
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: printError,
      outputError: (text, write) => write(`tsrun: ${commanderText(text)}\n`),
    });
}

/** A verb and the verbs below it. */
function prepareAll(command: Command): Command {
  command.commands.forEach(prepareAll);
  return prepare(command);
}

/** It repeats words of the command line, and may have a second line: `(Did you mean run?)`. */
function commanderText(text: string): string {
  const [, message = '', suggestion = ''] = text.match(/^(?:error: )?(.*?)(\n\(Did you mean [\w ,-]+\?\))?\n*$/s) ?? [];
  return escapeControl(message) + suggestion;
}

function verbOf(argv: readonly string[]): string | undefined {
  return argv.find(
    (word, i) => !word.startsWith('-') && argv[i - 1] !== '--data-root' && argv[i - 1] !== '--log-level',
  );
}

async function main(argv: string[]): Promise<void> {
  try {
    await (await program(verbOf(argv))).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError)
      process.exitCode = codeOf(verbOf(argv), error); // it has said so
    else sayFailure(error);
  }
}

/**
 * Docker's: an option that there is not, or a wrong value, is 125, too few or too many words and an unknown verb are 1. With `run` all that
 * is not the command's is 125.
 */
function codeOf(verb: string | undefined, { code, exitCode }: CommanderError): number {
  if (exitCode === 0) return 0;
  return verb !== 'run' && /^commander\.(missingArgument|excessArguments|unknownCommand)$/.test(code) ? 1 : OWN_FAILURE;
}

void main(process.argv.slice(2));
