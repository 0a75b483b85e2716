import { readSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { F, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';

const AT_ONCE = 65_536;
/** More than a pty holds in all its buffers. */
const MOST_LEFT = 1 << 20;
const TRY_EVERY_MS = 20;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null | undefined)?.code;

/**
 * Our end of a container's terminal, in both directions; takes over the descriptor. libuv's terminals are not made for a master: it
 * takes what is left in there for lost once the other end is closed, and waits in a write, with all of the program, for a container
 * that does not read.
 */
export class TerminalStream extends ReadStream {
  readonly #fd: number;
  #ended = false;

  constructor(fd: number) {
    const flags = { fd: slot('terminal'), cmd: F.F_SETFL, arg: O.O_RDWR | O.O_NONBLOCK };
    play('connect the terminal', [step('fcntl', flags, 'nobody waits in a read or a write')], { terminal: fd });
    super(fd);
    this.#fd = fd;
  }

  /** Read when nobody holds the other end any more, it says EIO: that is its end of file. */
  override destroy(error?: Error): this {
    if (codeOf(error) !== 'EIO' || this.readableEnded) return super.destroy(error);
    this.push(null);
    this.read(0);
    return this;
  }

  /** A pty hands out 4 KiB at a time at most; libuv takes such a short read and POLLHUP for the end of all. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null) return super.push(chunk, encoding);
    if (!this.#ended && !this.destroyed) this.#pushRest();
    this.#ended = true;
    return super.push(null);
  }

  #pushRest(): void {
    const bytes = Buffer.alloc(AT_ONCE);
    try {
      for (let read = 0; read < MOST_LEFT; ) {
        const length = readSync(this.#fd, bytes);
        if (length === 0) return;
        super.push(Buffer.from(bytes.subarray(0, length)));
        read += length;
      }
    } catch {
      // EIO: nothing is left; EAGAIN: nothing for now, and somebody has it open again
    }
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#type(bytesOf(chunk, encoding), done);
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    this.#type(Buffer.concat(chunks.map(({ chunk, encoding }) => bytesOf(chunk, encoding))), done);
  }

  /** As much as there is room for, and the rest later: no event tells when libuv is to read only. */
  #type(bytes: Buffer, done: (error?: Error | null) => void): void {
    let rest = bytes;
    try {
      while (rest.length > 0 && !this.destroyed) rest = rest.subarray(writeSync(this.#fd, rest));
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') {
        setTimeout(() => this.#type(rest, done), TRY_EVERY_MS);
        return;
      }
      // EIO: the container has ended, and its stream says so.
      if (codeOf(error) !== 'EIO') {
        done(error as Error);
        return;
      }
    }
    done();
  }
}

function bytesOf(chunk: unknown, encoding: BufferEncoding): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Buffer);
}
