import { type Command, CommanderError } from 'commander';
import { ENGINE_VERSION } from '../engine/engine.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { escapeControl } from './format/escape-control.ts';
import { errorText, print, printError } from './report.ts';
import { type Mentioned, mentionedIn, SparingCommand } from './sparing.ts';
import { VERBS } from './verbs.ts';

const USAGE_EXIT = 125;

/** Only the verb that was asked for is built. `mentioned`: with only those options, and silent when that is not enough. */
async function program(verb: string | undefined, mentioned?: Mentioned): Promise<Command> {
  const root = new SparingCommand('tsrun', mentioned)
    .description('containers on overlay mounts, every step of them shown')
    .version(`tsrun version ${ENGINE_VERSION}`, '-v, --version', 'print the version')
    .enablePositionalOptions();
  const say = mentioned === undefined ? sayError : () => {};
  const chosen = verb !== undefined && Object.hasOwn(VERBS, verb) ? [VERBS[verb]!] : Object.values(VERBS);
  for (const make of chosen) root.addCommand(prepare(await make(mentioned, () => program(undefined)), say));
  return prepare(root, say);
}

type SayError = (text: string, write: (text: string) => void) => void;
const sayError: SayError = (text, write) => write(`tsrun: ${commanderText(text)}\n`);

/** Before the verb or behind it: --data-root and --log-level are everybody's. */
function prepare(command: Command, say: SayError): Command {
  return command
    .option('--data-root <dir>', 'where layers and containers are kept (default: /var/lib/tsrun, or $TSRUN_ROOT)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: printError, outputError: say });
}

/** It repeats words of the command line, and may have a second line: `(Did you mean run?)`. */
function commanderText(text: string): string {
  const [, message = '', suggestion = ''] = text.match(/^(?:error: )?(.*?)(\n\(Did you mean [\w ,-]+\?\))?\n*$/s) ?? [];
  return escapeControl(message) + suggestion;
}

/** The exit code of an error, once it has been said. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT;
  printError(errorText(error));
  return error instanceof TsrunError ? error.exitCode : USAGE_EXIT;
}

function verbOf(argv: readonly string[]): string | undefined {
  return argv.find(
    (word, i) => !word.startsWith('-') && argv[i - 1] !== '--data-root' && argv[i - 1] !== '--log-level',
  );
}

/** With the few options that the words mention; whatever commander objects to is then the business of the whole program. */
async function runProgram(argv: string[]): Promise<void> {
  const verb = verbOf(argv);
  // `help run` and `-h run` speak of all options.
  const mentioned = verb === argv[0] && Object.hasOwn(VERBS, verb ?? '') ? mentionedIn(argv) : undefined;
  try {
    await (await program(verb, mentioned)).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode === 0 || mentioned === undefined) throw error;
    await (await program(verb)).parseAsync(argv, { from: 'user' });
  }
}

async function main(argv: string[]): Promise<void> {
  try {
    await runProgram(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

void main(process.argv.slice(2));
