import { spawn } from 'node:child_process';
import { closeSync, fstatSync, readFileSync, readSync, writeSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errorText } from '../../src/cli/report.ts';
import { F, O } from '../../src/kernel/constants.ts';
import { slot } from '../../src/plan/arguments.ts';
import { play } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import { linux, needs } from '../support/needs.ts';
import { PROGRAM, until } from '../support/tsrun.ts';

const test = needs(suite('what is said into a full pipe'), linux());
/** More than a start has, which waits for this and that. */
const MANY_WAITS = 300;

function fullPipe(): [number, number] {
  const ends = { bytes: Buffer.alloc(8), shown: '[a, b]' };
  const flags = O.O_CLOEXEC | O.O_NONBLOCK;
  const made = play('pipe', [step('pipe2', { pipefd: ends, flags }, 'a pipe')]).bytes(ends);
  const [reader, writer] = [made.readInt32LE(0), made.readInt32LE(4)];
  for (const size of [4096, 1]) {
    try {
      for (;;) writeSync(writer, Buffer.alloc(size));
    } catch {
      // EAGAIN: it is full
    }
  }
  return [reader, writer];
}

function rest(reader: number): string {
  const bytes = Buffer.alloc(1 << 20);
  return bytes.toString('latin1', 0, readSync(reader, bytes)).replaceAll('\0', '');
}

test('waits for room without keeping a processor busy, and is said whole', async () => {
  const [reader, writer] = fullPipe();
  const child = spawn(process.execPath, ['--', PROGRAM, 'nonsuch'], { stdio: ['ignore', 'ignore', writer] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  // Which was made blocking on the way: a write would wait in the kernel.
  const flags = step('fcntl', { fd: slot('writer'), cmd: F.F_SETFL, arg: O.O_WRONLY | O.O_NONBLOCK }, 'nobody waits');
  play('again', [flags, step('close', { fd: slot('writer') }, 'the child’s')], { writer });
  const waits = (): number =>
    Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]);
  try {
    await until(
      () => `${MANY_WAITS} waits: ${waits()}`,
      () => waits() > MANY_WAITS,
    );
    rest(reader);
    assert.is(await ended, 1);
    assert.match(rest(reader), /^tsrun: .*nonsuch/);
  } finally {
    child.kill('SIGKILL');
    closeSync(reader);
  }
});

test('a call of Node’s that nobody expected to fail: the machine’s fault, said as any other, and no defect of ours', () => {
  const said = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      return errorText(error);
    }
    return '';
  };
  assert.match(
    said(() => fstatSync(999_999)),
    /^tsrun: .*: fstat\(\): EBADF bad file descriptor\n$/,
  );
  assert.match(
    said(() => (undefined as unknown as string).length),
    /internal error.*\n[\s\S]*\nhint: this is a defect of tsrun; please report it\n$/,
  );
});

test.run();
