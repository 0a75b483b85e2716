import { Command } from 'commander';
import { containerProcesses } from '../engine/top.ts';
import { engineFrom } from './context.ts';
import { escapeControl } from './format/escape-control.ts';
import { alignTabs } from './format/tabwriter.ts';
import { print } from './report.ts';

/** Docker's for this table. */
const COLUMN_WIDTH = 20;

export function topCommand(): Command {
  return new Command('top')
    .description('list the processes of a container, with the host’s ps')
    .argument('<container>')
    .argument('[ps-options...]', 'instead of -ef')
    .passThroughOptions()
    .action(async (reference: string, psOptions: string[], _flags: unknown, self: Command) => {
      const { titles, processes } = await containerProcesses(engineFrom(self.optsWithGlobals()), reference, psOptions);
      const lines = [titles, ...processes].map((row) => row.map(escapeControl).join('\t'));
      print(`${alignTabs(lines.join('\n'), COLUMN_WIDTH)}\n`);
    });
}
