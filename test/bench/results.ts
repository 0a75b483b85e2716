import type { Measured } from './contest.ts';

/** One line of the result. Times in ms. */
export interface Row extends Measured {
  group: string;
  /** What the median is divided by. */
  against?: string;
  ratio?: number;
  /** The most that the ratio may be; with `faster`, it must be below. */
  target?: number;
  /** What is as good as the target: `1011 MB/s of 500`. */
  instead?: string;
  met?: boolean;
  /** For what is no time: left mounts, GiB/s. */
  unit?: string;
}
export interface Results {
  date: string;
  machine: Record<string, string | number>;
  rows: Row[];
  notes: string[];
}

/** Compares a row's median with another's. */
export function compared(row: Row, base: Measured, target?: number): Row {
  const ratio = row.median / base.median;
  const verdict = target === undefined ? {} : { target, met: ratio <= target };
  return { ...row, against: base.name, ratio, ...verdict };
}

const number = (value: number): string =>
  value === 0 ? '0' : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

function verdict({ met, target, ratio, instead }: Row): string {
  if (met === undefined || target === undefined) return '';
  const or = instead === undefined ? '' : `, or ${instead}`;
  return `${met ? '✓' : '✗'} ${ratio === undefined ? '' : `${ratio.toFixed(2)} `}(target ${target}${or})`;
}

function cells(row: Row): string[] {
  const unit = row.unit ?? 'ms';
  return [
    row.name,
    `${number(row.median)} ${unit}`,
    row.runs > 1 ? number(row.p95) : '',
    row.runs > 1 ? String(row.runs) : '',
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} × ${row.against}`,
    verdict(row),
  ];
}

/** The table for a reader, group by group. */
export function table({ rows, machine, notes }: Results): string {
  const head = ['', 'median', 'p95', 'runs', 'ratio', 'target'];
  const lines = rows.map(cells);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]!.length)));
  const show = (line: string[]): string =>
    line
      .map((cell, i) => (i > 0 && i < 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const groups = [...new Set(rows.map(({ group }) => group))];
  const body = groups.flatMap((group) => [
    '',
    group,
    ...rows.flatMap((row, i) => (row.group === group ? show(lines[i]!) : [])),
  ]);
  const facts = Object.entries(machine).map(([key, value]) => `${key} ${value}`);
  return [facts.join(' · '), show(head), ...body, '', ...notes.map((note) => `note: ${note}`)].join('\n');
}

export const missed = ({ rows }: Results): Row[] => rows.filter(({ met }) => met === false);
