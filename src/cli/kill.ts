import { Command } from 'commander';
import { parseSignal } from '../engine/options/parse-signal.ts';
import { killContainer } from '../engine/signal.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forEach } from './each.ts';
import { readFlag } from './flag-values.ts';
import type { GlobalFlags } from './flags.ts';

interface KillFlags extends GlobalFlags {
  signal: string;
}

export function killCommand(): Command {
  return new Command('kill')
    .description('send a signal to the first process of containers')
    .argument('<container...>')
    .option('-s, --signal <signal>', 'which: a name or a number', 'KILL')
    .action((references: string[], _flags: unknown, self: Command) => kill(references, self.optsWithGlobals()));
}

async function kill(references: string[], flags: KillFlags): Promise<void> {
  const signal = readFlag('-s, --signal', flags.signal, parseSignal, 1);
  requireRoot(`kill ${references[0]}`);
  const engine = engineFrom(flags);
  await forEach(references, (reference) => killContainer(engine, reference, signal));
}
