import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { LogEntry } from './log-entry.ts';
import { type LogFile, openLog, openNewer } from './log-file.ts';
import { findTail } from './log-tail.ts';

export interface LogRequest {
  /** So many lines, the last ones; undefined: all. */
  tail?: number | undefined;
  /** ns since 1970. */
  since?: bigint | undefined;
  until?: bigint | undefined;
  /** Go on until `ended` says that nothing will come any more. */
  follow?: { ended(): boolean; signal?: AbortSignal | undefined } | undefined;
}

/** Nobody says so when a monitor and its container are killed: how often it is looked whether they are there. */
const LOOK_FOR_THE_END_MS = 250;
/** Files that are rotated away while they wait to be read. */
const MOST_OPEN = 8;

/**
 * The entries of a log in the order in which they were written, many at a time. Of the files, which may be rotated or removed meanwhile,
 * one block is in memory.
 * @param path of the newest file; it need not be there yet
 * @throws Node's errors
 */
export async function* readLog(path: string, request: LogRequest): AsyncGenerator<LogEntry[]> {
  const { follow } = request;
  const change = follow && new Change(dirname(path), follow.signal); // before the first look: nothing comes between
  const files = openLog(path);
  try {
    if (!follow) for (const file of files) file.endHere();
    const isChosen = choose(files, request);
    let last = follow === undefined;
    for (;;) {
      let read = false;
      for (const batch of drain(files)) {
        const chosen = batch.filter(isChosen);
        read = true;
        if (follow) keepUp(path, files);
        if (chosen.length > 0) yield chosen;
        if (follow?.signal?.aborted) return;
      }
      if (change === undefined || last) return;
      // A file of which there is a newer one grows no more: what it has got since is read, then the newer one.
      if (!read) last = follow!.ended() || isOver(request);
      const newer = openNewer(path, files.at(-1));
      files.push(...newer);
      if (!last && newer.length === 0) await change.next();
      if (follow!.signal?.aborted) return;
    }
  } finally {
    change?.close();
    for (const file of files) file.close();
  }
}

/**
 * Who follows has the newer files open before they are rotated away, but not for ever: for as long as they are open they need room on the
 * disk, and whoever reads what we write may be slow.
 */
function keepUp(path: string, files: LogFile[]): void {
  if (files.length <= MOST_OPEN) files.push(...openNewer(path, files.at(-1)));
}

/** All that is there now. Files are closed behind it, but the newest: it may grow. */
function* drain(files: LogFile[]): Generator<LogEntry[]> {
  while (files.length > 0) {
    if (files[0]!.afterGap) yield [{ stream: 'tsrun', ns: BigInt(Date.now()) * 1_000_000n, lost: undefined }];
    files[0]!.afterGap = false;
    for (let batch = files[0]!.next(); batch; batch = files[0]!.next()) yield batch;
    if (files.length === 1) return;
    files.shift()!.close();
  }
}

const isOver = ({ until }: LogRequest): boolean => until !== undefined && BigInt(Date.now()) * 1_000_000n > until;

/** Goes to the place where reading begins, and tells what of the rest is wanted. */
function choose(files: LogFile[], { tail, since = 0n, until }: LogRequest): (entry: LogEntry) => boolean {
  const isInTime = ({ ns }: LogEntry) => ns >= since && (until === undefined || ns <= until);
  if (tail === undefined) {
    dropOlder(files, since);
    return isInTime;
  }
  const { file, offset, skip } = findTail(files, tail, isInTime);
  for (const older of files.splice(0, file)) older.close();
  if (files[0]) files[0].offset = offset;
  return (entry) => {
    if (!isInTime(entry)) return false;
    if (entry.stream === 'tsrun' || skip[entry.stream] === 0) return true;
    if (!entry.partial) skip[entry.stream]--;
    return false;
  };
}

function dropOlder(files: LogFile[], since: bigint): void {
  while (files.length > 1 && BigInt(Math.ceil(files[0]!.changedMs)) * 1_000_000n < since) files.shift()!.close();
}

/** That something has happened in a directory, by inotify(7); by the clock where there are no watches left. */
class Change {
  readonly #watcher: FSWatcher | undefined;
  readonly #signal: AbortSignal | undefined;
  #happened = false;
  #wake = () => {};

  constructor(directory: string, signal: AbortSignal | undefined) {
    this.#signal = signal;
    const happened = () => {
      this.#happened = true;
      this.#wake();
    };
    try {
      this.#watcher = watch(directory, happened).on('error', happened);
    } catch {
      // no watch is left, or no directory
    }
  }

  /** Until there has been one since the last call, or it is time to look for the end. */
  async next(): Promise<void> {
    if (!this.#happened)
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#signal?.removeEventListener('abort', wake);
          resolve();
        };
        const timer = setTimeout(wake, LOOK_FOR_THE_END_MS);
        this.#signal?.addEventListener('abort', wake);
        this.#wake = wake;
      });
    this.#wake = () => {};
    this.#happened = false;
  }

  close(): void {
    this.#watcher?.close();
  }
}
