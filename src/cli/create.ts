import { Command } from 'commander';
import { createContainer } from '../engine/create.ts';
import { engineFrom, flagContext, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { print } from './report.ts';
import { addRunFlags, type RunFlags, readRunFlags } from './run-flags.ts';

export function createCommand(): Command {
  return addRunFlags(new Command('create'))
    .description('make a container, to be started later')
    .argument('<rootfs>', 'the root directory; it is never written to')
    .argument('[command...]', 'the command and its arguments')
    .action((rootfs: string, command: string[], _flags: unknown, self: Command) =>
      create(rootfs, command, self.optsWithGlobals()),
    );
}

function create(rootfs: string, command: string[], flags: RunFlags & GlobalFlags): void {
  const options = readRunFlags(flags, rootfs, command, flagContext());
  requireRoot(`create ${rootfs}`);
  const { record } = createContainer(engineFrom(flags), options);
  print(`${record.id}\n`);
}
