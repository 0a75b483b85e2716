import { parseSeconds } from '../engine/options/parse-seconds.ts';
import { parseSignal } from '../engine/options/parse-signal.ts';
import { DEFAULT_SECONDS, type StopOptions, stopContainer } from '../engine/stop.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forAll } from './each.ts';
import { maybeFlag, readFlag } from './flag-values.ts';
import type { Flag, GlobalFlags } from './flags.ts';
import { warn } from './report.ts';

export interface StopFlags extends GlobalFlags {
  signal?: string;
  timeout?: string;
  time?: string;
}

/** Docker's name of --timeout until 28. */
export const OLD_TIMEOUT = '--time <seconds>';

export const STOP_FLAGS: readonly Flag[] = [
  ['-s, --signal <signal>', 'how to ask (default: the stop signal of the container)'],
  [
    '-t, --timeout <seconds>',
    `how long to wait before SIGKILL; -1: for ever (default: the container's --stop-timeout, or ${DEFAULT_SECONDS})`,
  ],
];

export function readStopFlags(flags: StopFlags): StopOptions {
  const said = flags.timeout ?? flags.time;
  return {
    signal: maybeFlag('-s, --signal', flags.signal, parseSignal, 1),
    seconds: said === undefined ? undefined : readFlag('-t, --timeout', said, parseSeconds),
    warn,
  };
}

/** Stops containers, all at once. */
export async function stop(references: string[], flags: StopFlags): Promise<void> {
  const options = readStopFlags(flags);
  requireRoot(`stop ${references[0]}`);
  const engine = engineFrom(flags);
  await forAll(references, (reference) => stopContainer(engine, reference, options));
}
