import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Tsrun, until } from './tsrun.ts';

const MESSAGE = 8;

/** A word of native/protocol.h. */
export interface Word {
  type: number;
  value: number;
}

export function word(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(MESSAGE);
  bytes.writeUInt32LE(type, 0);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

/** Speaks to a monitor by hand, without descriptors. */
export class RawClient {
  private heard = Buffer.alloc(0);
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.heard = Buffer.concat([this.heard, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(tsrun: Tsrun, id: string): Promise<RawClient> {
    const client = new RawClient(createConnection(join(tsrun.runRoot, id, 'monitor.sock')));
    await until('a connection', () => !client.socket.connecting || client.closed);
    return client;
  }

  get words(): Word[] {
    const words: Word[] = [];
    for (let at = 0; at + MESSAGE <= this.heard.length; at += MESSAGE)
      words.push({ type: this.heard.readUInt32LE(at), value: this.heard.readInt32LE(at + 4) });
    return words;
  }

  say(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  async hear(count = 1): Promise<Word[]> {
    await until(`${count} words, heard ${JSON.stringify(this.words)}`, () => this.words.length >= count || this.closed);
    return this.words;
  }

  async end(): Promise<void> {
    await until('the monitor to hang up', () => this.closed);
  }
}

/** The pid of a container's monitor: the parent of PID 1. */
export function monitorOf(tsrun: Tsrun, name: string): number {
  const pid = tsrun.inspect(name, '{{.State.Pid}}');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** What it holds open, by number. */
export function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .flatMap((fd) => {
      try {
        return [`${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\[\d+\]/, '')}`];
      } catch {
        return [];
      }
    })
    .sort();
}

/** Ticks that it has run, user and kernel. */
export function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
