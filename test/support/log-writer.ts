import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const NATIVE = join(import.meta.dirname, '..', '..', 'native');
const TOOL = join(NATIVE, 'build', 'test', 'log_tool');

/** The monitor's own log (native/log.c) in a process of its own. */
export interface LogWriter {
  /** Each is one write of a container's. Resolves when all of it is in the log. */
  write(...frames: (readonly [stream: 1 | 2, bytes: Buffer | string])[]): Promise<void>;
  close(): Promise<void>;
}

let built = false;

function build(): void {
  if (built) return;
  const { status, stderr } = spawnSync('flock', [NATIVE, 'make', '-s', '-C', NATIVE, 'log-tool'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`make log-tool: ${stderr}`);
  built = true;
}

/** @param directory where log.jsonl is to be */
export function openLogWriter(directory: string, { maxSize = 0, maxFiles = 1 } = {}): LogWriter {
  build();
  const child = spawn(TOOL, [directory, String(maxSize), String(maxFiles)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { left: number; done(): void }[] = [];
  child.stdout.on('data', (answers: Buffer) => {
    for (let left = answers.length; left > 0; ) {
      const first = waiting[0]!;
      const some = Math.min(left, first.left);
      first.left -= some;
      left -= some;
      if (first.left === 0) waiting.shift()!.done();
    }
  });
  return {
    write: (...frames) =>
      new Promise((done, failed) => {
        if (child.exitCode !== null) failed(new Error('the writer has ended'));
        waiting.push({ left: frames.length, done });
        child.stdin.write(Buffer.concat(frames.flatMap(([stream, bytes]) => frame(stream, Buffer.from(bytes)))));
      }),
    close: () => ended(child),
  };
}

function frame(stream: number, bytes: Buffer): Buffer[] {
  const head = Buffer.alloc(5);
  head.writeUInt8(stream);
  head.writeUInt32LE(bytes.length, 1);
  return [head, bytes];
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    child.stdin?.end();
  });
}
