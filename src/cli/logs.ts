import { Command } from 'commander';
import { containerLogs } from '../engine/logs.ts';
import { parseTimeValue } from '../engine/options/time-value.ts';
import { usageError } from '../engine/options/usage-error.ts';
import { engineFrom } from './context.ts';
import { readFlag } from './flag-values.ts';
import type { GlobalFlags } from './flags.ts';
import { LogOutput } from './log-output.ts';
import { warn } from './report.ts';

interface LogsFlags extends GlobalFlags {
  follow?: boolean;
  since?: string;
  tail?: string;
  timestamps?: boolean;
  until?: string;
}

export function logsCommand(): Command {
  return new Command('logs')
    .description('print what a container has written')
    .argument('<container>')
    .option('--details', "as Docker's: there are none")
    .option('-f, --follow', 'go on until it ends')
    .option('--since <time>', 'only from this time on, or from so long ago: 2026-11-23T14:30:05, 10m')
    .option('-n, --tail <number>', 'only so many lines, the last ones, or all')
    .option('-t, --timestamps', 'with the time of each line')
    .option('--until <time>', 'only up to this time, or up to so long ago')
    .action((reference: string, _flags: unknown, self: Command) => logs(reference, self.optsWithGlobals()));
}

async function logs(reference: string, flags: LogsFlags): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const time = (flag: string, text: string | undefined) =>
    text ? readFlag(flag, text, (value) => parseTimeValue(value, now)) : undefined;
  const request = {
    tail: flags.tail === undefined ? undefined : readFlag('-n, --tail', flags.tail, parseTail),
    since: time('--since', flags.since),
    until: time('--until', flags.until),
    follow: flags.follow,
  };
  const output = new LogOutput({ timestamps: flags.timestamps ?? false, warn });
  for await (const entries of containerLogs(engineFrom(flags), reference, request))
    if (!(await output.write(entries))) return;
}

/** undefined: all, which a negative number means, too. */
function parseTail(text: string): number | undefined {
  if (text === '' || text === 'all') return undefined;
  if (!/^[-+]?[0-9]{1,15}$/.test(text)) throw usageError("it is a number of lines, or 'all'");
  return text.startsWith('-') ? undefined : Number(text);
}
