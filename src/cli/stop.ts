import { Command } from 'commander';
import { parseSignal } from '../engine/options/parse-signal.ts';
import { usageError } from '../engine/options/usage-error.ts';
import { type StopOptions, stopContainer } from '../engine/stop.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forAll } from './each.ts';
import { maybeFlag, readFlag } from './flag-values.ts';
import type { GlobalFlags } from './flags.ts';
import { warn } from './report.ts';

/** Docker's. */
const DEFAULT_SECONDS = '10';

export interface StopFlags extends GlobalFlags {
  signal?: string;
  timeout: string;
}

export function stopCommand(): Command {
  return addStopFlags(new Command('stop'))
    .description('ask containers to end, and end those that do not')
    .argument('<container...>')
    .action((references: string[], _flags: unknown, self: Command) => stop(references, self.optsWithGlobals()));
}

export function addStopFlags(command: Command): Command {
  return command
    .option('-s, --signal <signal>', 'how to ask (default: the stop signal of the container)')
    .option('-t, --timeout <seconds>', 'how long to wait before SIGKILL; -1: for ever', DEFAULT_SECONDS);
}

export function readStopFlags(flags: StopFlags): StopOptions {
  return {
    signal: maybeFlag('-s, --signal', flags.signal, parseSignal),
    seconds: readFlag('-t, --timeout', flags.timeout, parseSeconds),
    warn,
  };
}

async function stop(references: string[], flags: StopFlags): Promise<void> {
  const options = readStopFlags(flags);
  requireRoot(`stop ${references[0]}`);
  const engine = engineFrom(flags);
  await forAll(references, (reference) => stopContainer(engine, reference, options));
}

function parseSeconds(text: string): number {
  if (!/^(-1|[0-9]{1,9})$/.test(text)) throw usageError(`invalid number of seconds: ${text}`);
  return Number(text);
}
