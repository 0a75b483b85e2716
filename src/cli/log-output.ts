import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from '../monitor/log-entry.ts';

const NEWLINE = Buffer.from('\n');
const TRY_EVERY_MS = 5;
const SECOND = 1_000_000_000n;

/** Writes entries as the container wrote them, each to its own stream. */
export class LogOutput {
  readonly #timestamps: boolean;
  readonly #warn: (text: string) => void;
  /** Streams whose last line has not ended. */
  readonly #open = new Set<string>();
  #pending: Buffer[] = [];
  #fd: 1 | 2 = 1;
  #second = -1n;
  #secondText = '';

  constructor({ timestamps, warn }: { timestamps: boolean; warn(text: string): void }) {
    this.#timestamps = timestamps;
    this.#warn = warn;
  }

  /** @returns false when nobody reads any more */
  async write(entries: readonly LogEntry[]): Promise<boolean> {
    for (const entry of entries) {
      const fd = entry.stream === 'stdout' ? 1 : 2;
      if (fd !== this.#fd && !(await this.#flush())) return false;
      this.#fd = fd;
      this.#add(entry);
    }
    return await this.#flush();
  }

  #add(entry: LogEntry): void {
    if (entry.stream === 'tsrun') {
      this.#warn(
        entry.lost === undefined
          ? 'output may be missing here: the log was rotated faster than it was read (--log-opt max-size, max-file)'
          : `${entry.lost} bytes of output are missing here: they could not be written to the log`,
      );
      return;
    }
    const { stream, bytes, partial } = entry;
    if (this.#timestamps && !this.#open.has(stream)) this.#pending.push(Buffer.from(`${this.#timeText(entry.ns)} `));
    this.#pending.push(bytes);
    if (partial) this.#open.add(stream);
    else {
      this.#open.delete(stream);
      this.#pending.push(NEWLINE);
    }
  }

  /** RFC 3339 with nine digits, as Docker has it here. */
  #timeText(ns: bigint): string {
    const second = ns / SECOND;
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(Number(second) * 1000).toISOString().slice(0, 19);
    }
    return `${this.#secondText}.${String(ns % SECOND).padStart(9, '0')}Z`;
  }

  async #flush(): Promise<boolean> {
    let rest = Buffer.concat(this.#pending);
    this.#pending = [];
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPIPE') return false;
        if (code !== 'EAGAIN') throw error;
        await delay(TRY_EVERY_MS);
      }
    }
    return true;
  }
}
