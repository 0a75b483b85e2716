import { Command } from 'commander';
import { type InspectedContainer, inspectContainer } from '../engine/inspect.ts';
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
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show all that is known of containers, as JSON of the shape that docker prints')
    .argument('<container...>')
    .option('-f, --format <template>', 'json, or a Go template')
    .action((references: string[], _flags: unknown, self: Command) => inspect(references, self.optsWithGlobals()));
}

function inspect(references: string[], flags: InspectFlags): void {
  const isJson = flags.format === undefined || flags.format === '' || flags.format === 'json';
  const show = isJson ? undefined : compileTemplate(flags.format ?? '');
  const engine = engineFrom(flags);
  const found: InspectedContainer[] = [];
  const failures: string[] = [];
  for (const reference of references) {
    try {
      const container = inspectContainer(engine, reference);
      if (show) printTemplate(show(inspectShape(container)));
      else found.push(container);
    } catch (error) {
      if (!(error instanceof TsrunError)) throw error;
      failures.push(error.kind === 'not-found' ? noSuchObject(reference) : errorText(error));
    }
  }
  if (!show) print(`${jsonText(flags.format === 'json' ? JSON.stringify(found) : JSON.stringify(found, null, 4))}\n`);
  for (const failure of failures) printError(failure);
  if (failures.length > 0) process.exitCode = 1;
}

/** Docker's words: programs look for them. */
function noSuchObject(reference: string): string {
  return `Error: No such object: ${escapeControl(reference)}\n`;
}
