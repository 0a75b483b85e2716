import { type ChildProcess, fork } from 'node:child_process';
import type { Message } from './child.ts';
import type { SkippedTest } from './needs.ts';

/** What became of one test file. `failed` counts a crash and a time-out as one test each. */
export interface FileResult {
  readonly file: string;
  readonly milliseconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skips: readonly SkippedTest[];
  /** The failures' texts; with what the file printed when there is any. */
  readonly details: string;
}

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  skips: SkippedTest[];
  errors: string[];
  output: string;
  ended: boolean;
  current: string;
  late: boolean;
}

const running = new Set<ChildProcess>();

/** Runs one compiled test file in a process of its own, which gets `limit` milliseconds. */
export function runFile(file: string, compiled: string, child: string, limit: number): Promise<FileResult> {
  const tally: Tally = {
    passed: 0,
    failed: 0,
    skipped: 0,
    skips: [],
    errors: [],
    output: '',
    ended: false,
    current: '',
    late: false,
  };
  const begin = performance.now();
  // Its own session: what it leaves running can be killed with it.
  const process_ = fork(child, [compiled], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--enable-source-maps'],
  });
  running.add(process_);
  process_.on('message', (message: Message) => count(tally, message));
  for (const stream of [process_.stdout, process_.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tally.output += text;
    });
  }
  const timer = setTimeout(() => {
    tally.late = true;
    killGroup(process_);
  }, limit);
  return new Promise((resolve) => {
    // 'exit', not 'close': a daemon that a test left behind may hold the pipes open.
    process_.on('exit', (code, signal) => {
      clearTimeout(timer);
      killGroup(process_);
      running.delete(process_);
      setImmediate(() => resolve(result(file, performance.now() - begin, tally, signal ?? `exit code ${code}`, limit)));
    });
  });
}

/** For an interrupted run. */
export function killAll(): void {
  for (const process_ of running) killGroup(process_);
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nothing was left of it
  }
}

function count(tally: Tally, message: Message): void {
  if (message.type === 'start') {
    tally.current = message.name;
    return;
  }
  if (message.type === 'end') {
    tally.ended = true;
    tally.skips = message.skips;
    return;
  }
  tally.passed += message.passed;
  tally.failed += message.failed;
  tally.skipped += message.skipped;
  if (message.errors !== '') tally.errors.push(message.errors.trimEnd());
}

function result(file: string, milliseconds: number, tally: Tally, end: string, limit: number): FileResult {
  const { passed, skipped, skips } = tally;
  const problem = problemOf(tally, end, limit);
  const failed = tally.failed + (problem === undefined ? 0 : 1);
  const errors = problem === undefined ? tally.errors : [...tally.errors, `  ${problem}`];
  const details = failed === 0 ? '' : [...errors, '  --- its output', tally.output.trimEnd()].join('\n');
  return { file, milliseconds, passed, failed, skipped, skips, details };
}

function problemOf(tally: Tally, end: string, limit: number): string | undefined {
  const where = tally.current === '' ? 'before its first test' : `in '${tally.current}'`;
  if (tally.late) return `killed after ${limit / 1000} s, ${where} (TSRUN_TEST_SLOWDOWN stretches the limit)`;
  if (!tally.ended) return `the process ended early, ${where}: ${end}`;
  if (tally.passed + tally.failed + tally.skipped === 0) return 'no test ran: is `test.run()` missing?';
  return undefined;
}
