import { Command } from 'commander';
import type { Engine } from '../engine/engine.ts';
import { type InspectedContainer, inspectContainer } from '../engine/inspect.ts';
import { type InspectedExec, inspectExec } from '../engine/inspect-exec.ts';
import { usageError } from '../engine/options/usage-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { engineFrom } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { inspectShape } from './format/inspect-shape.ts';
import { compileTemplate } from './format/template.ts';
import { jsonText, printTemplate } from './output.ts';
import { errorText, print, printError } from './report.ts';

interface InspectFlags extends GlobalFlags {
  format?: string;
  type?: string;
}
type Inspected = InspectedContainer | InspectedExec;

const LOOKS: Readonly<Record<string, (engine: Engine, reference: string) => Inspected>> = {
  '': inspectAny,
  container: inspectContainer,
  exec: inspectExec,
};

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show all that is known of containers and execs, as JSON of the shape that docker prints')
    .argument('<container...>')
    .option('-f, --format <template>', 'json, or a Go template')
    .option('--type <type>', 'container or exec; else whichever has that name or id')
    .action((references: string[], _flags: unknown, self: Command) => inspect(references, self.optsWithGlobals()));
}

function inspect(references: string[], flags: InspectFlags): void {
  const isJson = flags.format === undefined || flags.format === '' || flags.format === 'json';
  const show = isJson ? undefined : compileTemplate(flags.format ?? '');
  const look = Object.hasOwn(LOOKS, flags.type ?? '') ? LOOKS[flags.type ?? ''] : undefined;
  if (look === undefined) throw usageError(`"${flags.type}" is not a valid value for --type`, 'container or exec');
  const engine = engineFrom(flags);
  const found: Inspected[] = [];
  const failures: string[] = [];
  for (const reference of references) {
    try {
      const inspected = look(engine, reference);
      if (show) printTemplate(show(inspectShape(inspected)));
      else found.push(inspected);
    } catch (error) {
      if (!(error instanceof TsrunError)) throw error;
      failures.push(error.kind === 'not-found' ? noSuchObject(reference) : errorText(error));
    }
  }
  if (!show) print(`${jsonText(flags.format === 'json' ? JSON.stringify(found) : JSON.stringify(found, null, 4))}\n`);
  for (const failure of failures) printError(failure);
  if (failures.length > 0) process.exitCode = 1;
}

function inspectAny(engine: Engine, reference: string): Inspected {
  try {
    return inspectContainer(engine, reference);
  } catch (error) {
    if (!(error instanceof TsrunError) || error.kind !== 'not-found') throw error;
    return inspectExec(engine, reference);
  }
}

/** Docker's words: programs look for them. */
function noSuchObject(reference: string): string {
  return `Error: No such object: ${escapeControl(reference)}\n`;
}
