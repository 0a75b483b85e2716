import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { type Sample, type Stats, sampleContainers, statsBetween } from '../engine/stats.ts';
import { engineFrom } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { bytesSize, humanSize } from './format/human.ts';
import { formatRows } from './format/table.ts';
import { print } from './report.ts';

const HEADINGS = {
  Container: 'CONTAINER',
  ID: 'CONTAINER ID',
  Name: 'NAME',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};
const DEFAULT_FORMAT =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';
/** Between two looks. */
const SPAN_MS = 500;
/** To the upper left corner; what is behind each line, and below the last, is erased. */
const [HOME, ERASE_LINE, ERASE_BELOW] = ['\x1b[H', '\x1b[K', '\x1b[J'];

interface StatsFlags extends GlobalFlags {
  all?: boolean;
  format?: string;
  stream: boolean;
  trunc: boolean;
}

export function statsCommand(): Command {
  return new Command('stats')
    .description('show what containers use: processor, memory, block devices, processes')
    .argument('[container...]', 'those that run, unless said')
    .option('-a, --all', 'those that do not run, too')
    .option('--format <template>', "'table', 'table TEMPLATE', 'json', or a Go template")
    .option('--no-stream', 'once')
    .option('--no-trunc', 'whole ids')
    .action((references: string[], _flags: unknown, self: Command) => stats(references, self.optsWithGlobals()));
}

async function stats(references: string[], flags: StatsFlags): Promise<void> {
  const engine = engineFrom(flags);
  let before = sampleContainers(engine, references, flags.all ?? false);
  do {
    await delay(SPAN_MS);
    const now = sampleContainers(engine, references, flags.all ?? false);
    show(text(before, now, flags), flags.stream && process.stdout.isTTY);
    before = now;
  } while (flags.stream);
}

function text(
  before: Map<string, Sample>,
  now: Map<string, Sample>,
  { format = DEFAULT_FORMAT, trunc }: StatsFlags,
): string {
  const rows = [...now.values()].map((sample) => rowOf(statsBetween(before.get(sample.id), sample), trunc));
  return formatRows(rows, format, HEADINGS);
}

function show(text: string, inPlace: boolean): void {
  print(inPlace ? `${HOME}${text.replaceAll('\n', `${ERASE_LINE}\n`)}${ERASE_BELOW}` : text);
}

const percent = (value: number): string => `${value.toFixed(2)}%`;

function rowOf(stats: Stats, truncate: boolean): Record<keyof typeof HEADINGS, string> {
  const id = truncate ? stats.id.slice(0, 12) : stats.id;
  return {
    Container: id,
    ID: id,
    Name: escapeControl(stats.name),
    CPUPerc: percent(stats.cpuPercent),
    MemUsage: `${bytesSize(stats.memory)} / ${bytesSize(stats.memoryLimit)}`,
    MemPerc: percent(stats.memoryPercent),
    NetIO: '0B / 0B', // none of its own: the host's network, or nothing but a loopback
    BlockIO: `${humanSize(stats.bytesRead)} / ${humanSize(stats.bytesWritten)}`,
    PIDs: String(stats.processes),
  };
}
