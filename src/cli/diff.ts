import { Command } from 'commander';
import { type Change, diffContainer } from '../engine/diff.ts';
import { watchChanges } from '../engine/diff-watch.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { engineFrom } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { nameText } from './format/bytes.ts';
import { humanSize } from './format/human.ts';
import { print, printError } from './report.ts';

interface DiffFlags extends GlobalFlags {
  stat?: boolean;
  watch?: boolean;
}

export function diffCommand(): Command {
  return new Command('diff')
    .description('list the paths that a container added (A), changed (C) and deleted (D)')
    .argument('<container>')
    .option('--stat', 'with the sizes, and how many')
    .option('--watch', 'print each path as the container writes it, until it ends or this is interrupted')
    .action((reference: string, _flags: unknown, self: Command) => diff(reference, self.optsWithGlobals()));
}

async function diff(reference: string, flags: DiffFlags): Promise<void> {
  if (flags.stat && flags.watch) throw new TsrunError('usage', 'diff: --stat and --watch exclude each other');
  const engine = engineFrom(flags);
  if (flags.watch) {
    const report = (change: Change) => print(`${change.kind} ${nameText(change.path)}\n`);
    const started = () => printError(`watching ${reference}\n`);
    await untilInterrupted((signal) => watchChanges(engine, reference, { report, started, signal }));
    return;
  }
  const changes = diffContainer(engine, reference);
  print(flags.stat ? statText(changes) : changes.map(({ kind, path }) => `${kind} ${nameText(path)}\n`).join(''));
}

async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.on('SIGINT', abort).on('SIGTERM', abort).on('SIGHUP', abort);
  await work(controller.signal);
}

function statText(changes: readonly Change[]): string {
  const sizes = changes.map(({ before, after }) =>
    before === undefined && after === undefined ? '' : signed((after ?? 0) - (before ?? 0)),
  );
  const width = Math.max(0, ...sizes.map((size) => size.length));
  const lines = changes.map(({ kind, path }, i) => `${kind} ${(sizes[i] ?? '').padStart(width)} ${nameText(path)}\n`);
  return `${lines.join('')}${summary(changes)}\n`;
}

/** What came and what went, of contents of files. */
function summary(changes: readonly Change[]): string {
  const count = (wanted: Change['kind']) => changes.filter(({ kind }) => kind === wanted).length;
  const deltas = changes.map(({ before, after }) => (after ?? 0) - (before ?? 0));
  const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
  const [more, less] = [sum(deltas.filter((delta) => delta > 0)), sum(deltas.filter((delta) => delta < 0))];
  return `${count('A')} added, ${count('C')} changed, ${count('D')} deleted, ${signed(more)}, -${humanSize(Math.abs(less))}`;
}

function signed(bytes: number): string {
  return bytes < 0 ? `-${humanSize(-bytes)}` : `+${humanSize(bytes)}`;
}
