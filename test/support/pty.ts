import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { PATIENCE_MS, until } from './tsrun.ts';

/** A terminal's modes, raw or not, and how many bytes wait in its input. */
export interface Modes {
  flags: string;
  raw: boolean;
  waiting: number;
}

/** A command on a terminal of its own (pty.c). */
export class Pty {
  /** All that was shown so far, and all that pty.c told. */
  shown = '';
  private told = '';
  private code: number | undefined;
  private readonly child: ChildProcess;

  /** @param program pty.c, compiled */
  constructor(
    program: string,
    command: readonly string[],
    { rows = 24, columns = 80, env = {} }: { rows?: number; columns?: number; env?: Record<string, string> } = {},
  ) {
    this.child = spawn(program, [`${rows}`, `${columns}`, ...command], {
      stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', ...env },
    });
    this.child.stdin!.on('error', () => {});
    this.child.stdout!.setEncoding('latin1').on('data', (text: string) => (this.shown += text));
    (this.child.stdio[4] as NodeJS.ReadableStream)
      .setEncoding('utf8')
      .on('data', (text: string) => (this.told += text));
    this.child.on('close', (code) => {
      this.code = code ?? -1;
    });
  }

  type(text: string): void {
    this.child.stdin!.write(text, 'latin1');
  }

  resize(rows: number, columns: number): void {
    this.order(`size ${rows} ${columns}\n`);
  }

  private order(text: string): void {
    (this.child.stdio[3] as Writable).write(text);
  }

  /** @throws when it ends without, or takes too long */
  async waitFor(text: string | RegExp): Promise<void> {
    const there = (): boolean => (typeof text === 'string' ? this.shown.includes(text) : text.test(this.shown));
    await until(`${text} on the terminal`, () => there() || this.code !== undefined).catch((error: Error) => {
      throw new Error(`${error.message}; it shows ${JSON.stringify(this.shown)}`);
    });
    if (!there()) throw new Error(`ended without ${text}: ${JSON.stringify(this.shown)}`);
  }

  /** The command's exit code, 128 + n for a signal. */
  async end(): Promise<number> {
    await until(`the end of what shows ${JSON.stringify(this.shown)}`, () => this.code !== undefined, PATIENCE_MS);
    return this.code!;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** Of the command. */
  async pid(): Promise<number> {
    await until('the pid', () => /pid \d+\n/.test(this.told));
    return Number(this.told.match(/pid (\d+)\n/)![1]);
  }

  /** `begin` and `end` are told by themselves. */
  modes(when: 'begin' | 'end'): Modes {
    return this.parse(this.told.match(new RegExp(`^${when} (.*)$`, 'm'))?.[1] ?? '');
  }

  async modesNow(): Promise<Modes> {
    const before = this.told.length;
    this.order('modes\n');
    await until('the modes', () => /^modes .*\n/m.test(this.told.slice(before)));
    return this.parse(this.told.slice(before).match(/^modes (.*)$/m)![1]!);
  }

  private parse(line: string): Modes {
    const [, flags, raw, waiting] = line.match(/^(i=.* l=\w+) raw=(\d) waiting=(\d+)$/) ?? [];
    if (flags === undefined) throw new Error(`no modes in ${JSON.stringify(this.told)}`);
    return { flags, raw: raw === '1', waiting: Number(waiting) };
  }
}
