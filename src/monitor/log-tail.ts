import type { LogEntry, OutputEntry } from './log-entry.ts';
import type { LogFile } from './log-file.ts';

type Stream = OutputEntry['stream'];

/** Where the last lines of a log begin. */
export interface TailStart {
  /** Of the files, the oldest first. */
  file: number;
  offset: number;
  /** So many lines of each stream lie between the others and are not wanted. */
  skip: Record<Stream, number>;
}

/** To find the beginning of a line whose pieces lie between many others: so many entries are looked at besides. */
const PATIENCE = 20_000;

/**
 * Reads from the end on, no further than needed. A line is what its stream wrote up to a newline, however many entries it came in and
 * whatever the other stream wrote meanwhile; what has no newline yet is one, too.
 * @param wanted which entries count
 */
export function findTail(files: readonly LogFile[], count: number, wanted: (entry: LogEntry) => boolean): TailStart {
  const newest = files.length - 1;
  let start: TailStart = {
    file: Math.max(0, newest),
    offset: files[newest]?.size ?? 0,
    skip: { stdout: 0, stderr: 0 },
  };
  if (count === 0) return start;
  const seen = new Set<Stream>();
  /** Streams whose earliest chosen line may begin further in front. */
  const open = new Set<Stream>();
  const skip = { stdout: 0, stderr: 0 };
  let [lines, patience] = [0, PATIENCE];
  for (const { file, offset, entry } of entriesBackwards(files)) {
    if (entry.stream === 'tsrun' || !wanted(entry)) continue;
    const { stream } = entry;
    if (!entry.partial || !seen.has(stream)) {
      seen.add(stream);
      open.delete(stream);
      if (lines === count) skip[stream]++;
      else open.add(stream);
      lines = Math.min(count, lines + 1);
    }
    if (open.has(stream)) start = { file, offset, skip: { ...skip } };
    if (lines === count && (open.size === 0 || patience-- === 0)) return start;
  }
  return lines < count ? { file: 0, offset: 0, skip: { stdout: 0, stderr: 0 } } : start;
}

function* entriesBackwards(files: readonly LogFile[]) {
  for (let file = files.length - 1; file >= 0; file--)
    for (const found of files[file]!.backwards()) yield { file, ...found };
}
