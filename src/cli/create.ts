import { Command } from 'commander';
import { createContainer } from '../engine/create.ts';
import { engineFrom, flagContext, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { print, sayFailure } from './report.ts';
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
  try {
    print(`${createContainer(engineFrom(flags), options).record.id}\n`);
  } catch (error) {
    sayFailure(error);
    process.exitCode = 1; // as Docker's, which has 125 for `run` alone
  }
}
