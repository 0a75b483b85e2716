import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { type ContainerEvent, parseEvent } from './event.ts';

const AT_ONCE = 256 * 1024;
/** A directory in the place of the file, or a link, holds no events. */
const HOW = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** How often a rotation may come between two looks at the names. */
const TRIES = 10;

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '');

/** One file of events, known by its inode: its name changes when it is full. While it is open, no other can have that inode. */
class EventFile {
  readonly fd: number;
  readonly ino: number;
  #offset = 0;
  /** A line that has no end yet. */
  #begun: Buffer = Buffer.alloc(0);

  private constructor(fd: number, ino: number) {
    this.fd = fd;
    this.ino = ino;
  }
  /** undefined when it is not there, or no file. */
  static open(path: string): EventFile | undefined {
    try {
      const fd = openSync(path, HOW);
      const about = fstatSync(fd);
      if (about.isFile()) return new EventFile(fd, about.ino);
      closeSync(fd);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return undefined;
  }

  skip(): void {
    this.#offset = fstatSync(this.fd).size;
  }
  /** Whole lines that have come since. */
  read(): string[] {
    if (fstatSync(this.fd).size < this.#offset) this.#rewind(); // somebody has emptied it
    const chunks = [this.#begun];
    for (;;) {
      const chunk = Buffer.allocUnsafe(AT_ONCE);
      const length = readSync(this.fd, chunk, 0, AT_ONCE, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      chunks.push(chunk.subarray(0, length));
    }
    const all = Buffer.concat(chunks);
    const end = all.lastIndexOf('\n') + 1;
    this.#begun = all.subarray(end);
    return end === 0 ? [] : all.toString('utf8', 0, end - 1).split('\n');
  }
  #rewind(): void {
    this.#offset = 0;
    this.#begun = Buffer.alloc(0);
  }
  close(): void {
    closeSync(this.fd);
  }
}

/**
 * The file of events and the older one, read from their beginning to where they end by now, and then on from there. A writer that has
 * opened the file before it was moved away writes into the older one: so that is read for as long as it is there.
 */
export class EventLog {
  readonly #path: string;
  /** The older one first. */
  #files: EventFile[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#reopen();
  }

  /** What there is already is not read. */
  skip(): void {
    for (const file of this.#files) file.skip();
  }

  /** Events that have come since, in the order in which they were written. */
  read(): ContainerEvent[] {
    const lines: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      for (const file of this.#files) lines.push(...file.read());
      if (this.#isCurrent()) break;
      this.#reopen();
    }
    return lines.flatMap((line) => parseEvent(line) ?? []);
  }

  close(): void {
    for (const file of this.#files) file.close();
    this.#files = [];
  }

  /** The newest of ours is the one that is there by that name. */
  #isCurrent(): boolean {
    const there = statSync(this.#path, { throwIfNoEntry: false });
    return there === undefined || !there.isFile() || this.#files.some(({ ino }) => ino === there.ino);
  }

  /** What we have open already is read on from where we were. */
  #reopen(): void {
    for (let tries = 0; tries < TRIES; tries++) {
      const newest = EventFile.open(this.#path);
      const older = EventFile.open(`${this.#path}.1`);
      const opened = [older, newest].filter((file) => file !== undefined);
      if (older !== undefined && older.ino === newest?.ino) {
        for (const file of opened) file.close(); // it was moved away between the two
        continue;
      }
      const files = opened.map((file) => this.#known(file));
      this.close(); // what was rotated out
      this.#files = files;
      return;
    }
  }

  #known(file: EventFile): EventFile {
    const at = this.#files.findIndex(({ ino }) => ino === file.ino);
    if (at < 0) return file;
    file.close();
    return this.#files.splice(at, 1)[0]!;
  }
}
