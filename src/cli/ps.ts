import { Command } from 'commander';
import type { Engine } from '../engine/engine.ts';
import { type DamagedContainer, type ListedContainer, listContainers } from '../engine/list.ts';
import { type ListFilter, parseListFilter } from '../engine/list-filter.ts';
import { isUp } from '../engine/status.ts';
import { fileSizes } from '../engine/upper-size.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import type { ContainerRecord } from '../store/record.ts';
import { engineFrom } from './context.ts';
import { collect, type GlobalFlags } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { commandCell, ellipsis, humanDuration, humanSize } from './format/human.ts';
import { formatRows } from './format/table.ts';
import { jsonText } from './output.ts';
import { print, printError } from './report.ts';

interface PsFlags extends GlobalFlags {
  all?: boolean;
  filter?: string[];
  format?: string;
  last?: string;
  latest?: boolean;
  trunc: boolean;
  quiet?: boolean;
  size?: boolean;
}

const HEADINGS = {
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Labels: 'LABELS',
  LocalVolumes: 'LOCAL VOLUMES',
  Mounts: 'MOUNTS',
  Names: 'NAMES',
  Networks: 'NETWORKS',
  Ports: 'PORTS',
  RunningFor: 'CREATED',
  Size: 'SIZE',
  State: 'STATE',
  Status: 'STATUS',
};
const TABLE = 'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}';
const MOUNT_WIDTH = 15;

export function psCommand(): Command {
  return new Command('ps')
    .description('list containers')
    .option('-a, --all', 'also those that do not run')
    .option('-f, --filter <key=value>', 'only those with this name, id, status, label or exited code', collect)
    .option('--format <format>', 'table, json, or a Go template for each')
    .option('-n, --last <number>', 'only the newest, in any state')
    .option('-l, --latest', 'only the newest one, in any state')
    .option('--no-trunc', 'cut nothing short')
    .option('-q, --quiet', 'only ids')
    .option('-s, --size', 'the bytes of the files that they wrote, and of those with all of their root')
    .action((_flags: unknown, self: Command) => ps(self.optsWithGlobals()));
}

function ps(flags: PsFlags): void {
  const filter = parseListFilter(flags.filter ?? []);
  const last = flags.latest ? 1 : readLast(flags.last);
  const engine = engineFrom(flags);
  const { containers, damaged } = chosen(engine, filter, flags.all || last !== undefined);
  const sizes = flags.size || /\.Size\b/.test(flags.format ?? '') ? new Sizes(engine) : undefined;
  const rows = [
    ...damaged.map((one) => damagedRow(one, flags.trunc)),
    ...containers.map((one) => rowOf(one, flags.trunc, flags.quiet ? undefined : sizes)),
  ].slice(0, last);
  if (flags.quiet && flags.format !== undefined)
    printError('WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
  const format = flags.quiet
    ? '{{.ID}}'
    : flags.format === undefined || flags.format === 'table'
      ? TABLE + (flags.size ? '\\t{{.Size}}' : '')
      : flags.format;
  print(
    format === 'json' ? jsonText(formatRows(rows, format, HEADINGS)) : formatRows(rows.map(safe), format, HEADINGS),
  );
}

function readLast(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?[0-9]+$/.test(text)) throw new TsrunError('usage', `invalid argument "${text}" for "-n, --last" flag`);
  return Number(text) > 0 ? Number(text) : undefined;
}

function chosen(engine: Engine, filter: ListFilter, all: boolean) {
  const found = listContainers(engine);
  for (const { error } of found.damaged)
    printError(`tsrun: warning: ${escapeControl(error.message)}\nhint: ${escapeControl(error.hint ?? '')}\n`);
  return {
    containers: found.containers.filter(
      (one) => filter.matches(one) && (all || filter.wantsStatus || isUp(one.status)),
    ),
    // Always: what is damaged may be running.
    damaged: found.damaged.filter(({ id }) => filter.matchesDamaged(id)),
  };
}

/** Docker's `2B (virtual 25MB)`; containers of one root have it measured once. */
class Sizes {
  readonly #engine: Engine;
  readonly #roots = new Map<string, number>();
  constructor(engine: Engine) {
    this.#engine = engine;
  }
  of({ layer, rootfs }: ContainerRecord): string {
    const written = fileSizes(`${this.#engine.paths.layer(layer)}/diff`);
    const root = this.#roots.get(rootfs) ?? fileSizes(rootfs);
    this.#roots.set(rootfs, root);
    return humanSize(written) + (written + root > 0 ? ` (virtual ${humanSize(written + root)})` : '');
  }
}

type Row = Record<keyof typeof HEADINGS, string> & { Label: (name: string) => string };

function rowOf({ record, options, status, health }: ListedContainer, truncate: boolean, sizes?: Sizes): Row {
  const created = Date.parse(record.created);
  const mounts = options.mounts.flatMap((mount) => (mount.type === 'bind' ? [mount.source] : []));
  return {
    ID: truncate ? record.id.slice(0, 12) : record.id,
    Image: record.rootfs,
    Command: commandCell(escapeControl([record.path, ...record.args].join(' ')), truncate),
    CreatedAt: `${new Date(created).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`,
    RunningFor: `${humanDuration(Date.now() - created)} ago`,
    Size: sizes?.of(record) ?? '0B',
    Ports: '',
    State: status.status,
    Status: statusText(status, health),
    Names: record.name,
    Labels: [...options.labels].map(([key, value]) => `${key}=${value}`).join(','),
    LocalVolumes: '0',
    Mounts: mounts.map((source) => (truncate ? ellipsis(source, MOUNT_WIDTH) : source)).join(','),
    Networks: options.network,
    Label: (name) => options.labels.get(name) ?? '',
  };
}

/** Docker's words. When nobody was left to record the end, its time is not known. */
function statusText(
  { status, startedAt, exit, exitCode }: ListedContainer['status'],
  health: ListedContainer['health'],
): string {
  if (status === 'created') return 'Created';
  if (status === 'dead') return 'Dead';
  const up = `Up ${humanDuration(Date.now() - Date.parse(startedAt ?? ''))}`;
  if (status === 'running')
    return health === undefined ? up : `${up} (${health === 'starting' ? 'health: starting' : health})`;
  if (status === 'paused') return `${up} (Paused)`;
  const ended = status === 'restarting' ? 'Restarting' : 'Exited';
  const ago = exit && ` ${humanDuration(Date.now() - Number(exit.finishedNs / 1_000_000n))} ago`;
  return `${ended} (${exitCode})${ago ?? ''}`;
}

function damagedRow({ id }: DamagedContainer, truncate: boolean): Row {
  const empty = Object.fromEntries(Object.keys(HEADINGS).map((name) => [name, ''])) as Record<
    keyof typeof HEADINGS,
    string
  >;
  return { ...empty, ID: truncate ? id.slice(0, 12) : id, State: 'dead', Status: 'Dead', Label: () => '' };
}

/** What a container or a path is named must not steer the terminal. */
function safe({ Label, ...row }: Row): Record<string, unknown> {
  const fields = Object.entries(row).map(([name, value]) => [name, escapeControl(value)]);
  return { ...Object.fromEntries(fields), Label: (name: string) => escapeControl(Label(name)) };
}
