/** One entry of a log (native/log.h). */
export type LogEntry = OutputEntry | LossEntry;

/** A line of output, or a piece of one. */
export interface OutputEntry {
  stream: 'stdout' | 'stderr';
  /** When the monitor read it: ns since 1970. */
  ns: bigint;
  /** Without the newline. */
  bytes: Buffer;
  /** No newline ends it: the next entry of the same stream goes on with the line. */
  partial: boolean;
}

/** Where output could not be written, because the disk was full; or where it may have been rotated away before it was read. */
export interface LossEntry {
  stream: 'tsrun';
  ns: bigint;
  /** So many bytes of output; undefined when nobody knows. */
  lost: number | undefined;
}

const VERSION = 1;

/** undefined: it is none, but a line torn by a crash, or of a version that we do not know. */
export function parseEntry(line: string): LogEntry | undefined {
  const entry = jsonObject(line);
  if (entry === undefined || entry.v !== VERSION) return undefined;
  const { stream, time, text, base64, lost } = entry;
  if (typeof time !== 'string' || !/^[0-9]{1,20}$/.test(time)) return undefined;
  const ns = BigInt(time);
  if (stream === 'tsrun') return typeof lost === 'number' ? { stream, ns, lost } : undefined;
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const bytes =
    typeof text === 'string'
      ? Buffer.from(text)
      : typeof base64 === 'string'
        ? Buffer.from(base64, 'base64')
        : undefined;
  return bytes && { stream, ns, bytes, partial: entry.partial === true };
}

function jsonObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
