import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type LogEntry, parseEntry } from './log-entry.ts';

/** No entry is as long (native/log.h): a line that is, is none. */
const BLOCK = 128 * 1024;
const NEWLINE = 10;

/** One file of a log, kept open: whatever it is called by now, and also when it has been removed. */
export class LogFile {
  readonly #fd: number;
  readonly #stats: Stats;
  /** Where the next line begins. */
  offset = 0;
  /** What came before it may have been rotated away before anybody read it. */
  afterGap = false;
  /** What is at the offset is in the midst of a line that is no entry. */
  #skipping = false;
  /** What is written behind it is not read. */
  #end = Number.POSITIVE_INFINITY;

  /** @throws Node's errors; ENXIO when it is no file */
  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    this.#stats = fstatSync(this.#fd);
    if (this.#stats.isFile()) return;
    closeSync(this.#fd);
    throw Object.assign(new Error(`ENXIO: no regular file, open '${path}'`), { code: 'ENXIO', syscall: 'open', path });
  }

  isSame({ dev, ino }: Stats | LogFile): boolean {
    return dev === this.dev && ino === this.ino;
  }
  get dev(): number {
    return this.#stats.dev;
  }
  get ino(): number {
    return this.#stats.ino;
  }
  get size(): number {
    return Math.min(fstatSync(this.#fd).size, this.#end);
  }
  /** From here on it does not grow for us: who writes faster than we read would keep us for ever. */
  endHere(): void {
    this.#end = this.size;
  }
  /** Of the last write: no entry is younger. */
  get changedMs(): number {
    return fstatSync(this.#fd).mtimeMs;
  }

  /** The next entries; undefined when there is no further whole line. Half a line is looked at again, as it may grow or be taken back. */
  next(): LogEntry[] | undefined {
    const block = this.#read(this.offset, BLOCK);
    if (block.length === 0) {
      if (this.size < this.offset) this.offset = 0; // somebody has emptied it
      return this.offset === 0 && this.size > 0 ? [] : undefined;
    }
    const end = block.lastIndexOf(NEWLINE) + 1;
    if (end === 0 && block.length < BLOCK) return undefined;
    this.offset += end === 0 ? block.length : end;
    const lines = block.toString('utf8', 0, end).split('\n');
    if (this.#skipping && end > 0) lines.shift();
    this.#skipping = end === 0;
    return lines.flatMap((line) => (line === '' ? [] : (parseEntry(line) ?? [])));
  }

  /** All entries from the last whole line on to the first, with the place of each. */
  *backwards(): Generator<{ offset: number; entry: LogEntry }> {
    let start = this.size;
    let block = Buffer.alloc(0);
    let whole = false; // what is behind the last newline is no line yet
    while (start > 0) {
      const from = Math.max(0, start - BLOCK);
      block = Buffer.concat([this.#read(from, start - from), block]);
      start = from;
      let end = block.length;
      for (let at = block.lastIndexOf(NEWLINE); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1)) {
        const entry = whole ? parseEntry(block.toString('utf8', at + 1, end)) : undefined;
        if (entry) yield { offset: start + at + 1, entry };
        whole = true;
        end = at;
      }
      block = block.subarray(0, end);
      if (block.length > BLOCK) block = Buffer.alloc(0);
    }
    const first = whole ? parseEntry(block.toString('utf8')) : undefined;
    if (first) yield { offset: 0, entry: first };
  }

  #read(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.#end - position)));
    return buffer.subarray(0, readSync(this.#fd, buffer, 0, buffer.length, position));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** While files are opened, the log may be rotated: so often it is tried to see all of it at one moment. */
const ATTEMPTS = 10;

/**
 * All files of a log, the oldest first, each once.
 * @param path of the newest
 * @throws Node's errors, except for what is not there or is no file
 */
export function openLog(path: string): LogFile[] {
  return openNewer(path, undefined);
}

/** What came after that file; it may have been removed since. undefined: all there is. */
export function openNewer(path: string, current: LogFile | undefined): LogFile[] {
  for (let attempt = 1; ; attempt++) {
    const newest = lstatSync(path, { throwIfNoEntry: false });
    if (newest !== undefined && current?.isSame(newest)) return [];
    const { files, reached } = openUpTo(path, current);
    const now = lstatSync(path, { throwIfNoEntry: false });
    const calm = newest?.ino === now?.ino;
    if (calm || attempt === ATTEMPTS) {
      files.reverse();
      // With a single file nobody can tell: what was rotated is always gone.
      if (current !== undefined && !reached && files.length > 1) files[0]!.afterGap = true;
      return files;
    }
    for (const file of files) file.close();
  }
}

/** The newest first: a file that moves on meanwhile moves towards those that are still to come, and is recognised there. */
function openUpTo(path: string, current: LogFile | undefined): { files: LogFile[]; reached: boolean } {
  const files: LogFile[] = [];
  const last = lastNumber(path) + 2; // they are being moved on
  for (let number = 0; number <= last; number++) {
    const file = openIfThere(number === 0 ? path : `${path}.${number}`);
    const known = file && files.some((other) => other.isSame(file));
    const reached = file && current?.isSame(file);
    if (file && !known && !reached) files.push(file);
    else file?.close();
    if (reached) return { files, reached };
  }
  return { files, reached: false };
}

/** A directory that changes while it is listed does not show all of them. */
function lastNumber(path: string): number {
  const name = `${basename(path)}.`;
  const numbers = list(dirname(path)).flatMap((other) =>
    other.startsWith(name) && /^[1-9][0-9]{0,3}$/.test(other.slice(name.length))
      ? [Number(other.slice(name.length))]
      : [],
  );
  return Math.max(0, ...numbers);
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function openIfThere(path: string): LogFile | undefined {
  try {
    return new LogFile(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Not there, or nothing that a monitor would write to. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
