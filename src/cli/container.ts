import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { pruneContainers } from '../engine/prune.ts';
import { parsePruneFilter } from '../engine/prune-filter.ts';
import { engineFrom, requireRoot } from './context.ts';
import { collect, type GlobalFlags } from './flags.ts';
import { humanSize } from './format/human.ts';
import { psCommand } from './ps.ts';
import { errorText, print, printError } from './report.ts';

interface PruneFlags extends GlobalFlags {
  filter?: string[];
  force?: boolean;
}

export function containerCommand(): Command {
  const prune = new Command('prune')
    .description('remove all containers that do not run')
    .option('--filter <key=value>', 'only those: label=KEY[=VALUE], label!=…, until=TIME', collect)
    .option('-f, --force', 'do not ask')
    .action((_flags: unknown, self: Command) => pruneAll(self.optsWithGlobals()));
  return new Command('container')
    .description('manage containers')
    .addCommand(psCommand().name('ls').aliases(['list', 'ps']))
    .addCommand(prune);
}

async function pruneAll(flags: PruneFlags): Promise<void> {
  const matches = parsePruneFilter(flags.filter ?? []);
  requireRoot('container prune');
  const engine = engineFrom(flags);
  if (!flags.force && !(await isSure('WARNING! This will remove all stopped containers.'))) return;
  const { removed, reclaimed, failed } = await pruneContainers(engine, matches);
  if (removed.length > 0) print(`Deleted Containers:\n${removed.map((id) => `${id}\n`).join('')}\n`);
  print(`Total reclaimed space: ${humanSize(reclaimed, 4)}\n`);
  for (const error of failed) printError(errorText(error));
  if (failed.length > 0) process.exitCode = 1;
}

/** Docker's question; no answer is no. */
async function isSure(warning: string): Promise<boolean> {
  print(`${warning}\nAre you sure you want to continue? [y/N] `);
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return ['y', 'yes'].includes(line.trim().toLowerCase());
  }
  return false;
}
