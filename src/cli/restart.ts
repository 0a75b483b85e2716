import { closeSync } from 'node:fs';
import { Command } from 'commander';
import { restartContainer } from '../engine/restart.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forEach } from './each.ts';
import { addFlags, addOldName } from './flags.ts';
import { OLD_TIMEOUT, readStopFlags, STOP_FLAGS, type StopFlags } from './stop.ts';
import { startUninterrupted } from './uninterrupted.ts';

export function restartCommand(): Command {
  return addOldName(addFlags(new Command('restart'), STOP_FLAGS), OLD_TIMEOUT)
    .description('stop containers that run, and start them')
    .argument('<container...>')
    .action((references: string[], _flags: unknown, self: Command) => restart(references, self.optsWithGlobals()));
}

async function restart(references: string[], flags: StopFlags): Promise<void> {
  const options = readStopFlags(flags);
  requireRoot(`restart ${references[0]}`);
  const engine = engineFrom(flags);
  await forEach(references, async (reference) => {
    const { control } = await startUninterrupted(() => restartContainer(engine, reference, options));
    closeSync(control);
  });
}
