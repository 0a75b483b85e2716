import type { RunOptions } from './run-options.ts';

/** RunOptions as JSON can hold them: the one Map as pairs. */
export function packOptions(options: RunOptions): unknown {
  return { ...options, labels: [...options.labels] };
}

/** The other way. The record is ours, written by packOptions: its shape is not checked again. */
export function unpackOptions(saved: unknown): RunOptions {
  const options = saved as Omit<RunOptions, 'labels'> & { labels: [string, string][] };
  return { ...options, labels: new Map(options.labels) };
}
