import type { SkippedTest } from './needs.ts';

/** What a test file's process tells `test/run.ts`, suite by suite, so that a crash loses only what did not run. */
export type Message =
  | { type: 'start'; name: string }
  | { type: 'suite'; passed: number; failed: number; skipped: number; errors: string }
  | { type: 'end'; skips: SkippedTest[] };

/** One suite of uvu: [errors or true, passed, skipped, total]. A hook that throws leaves `true` and a lower count. */
type SuiteRun = () => Promise<[string | true, number, number, number]>;

declare global {
  var UVU_DEFER: number | undefined;
  var UVU_INDEX: number | undefined;
  var UVU_QUEUE: [string | null, ...SuiteRun[]][] | undefined;
}

const hookErrors: string[] = [];

function send(message: Message): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

async function runSuite(run: SuiteRun): Promise<void> {
  hookErrors.length = 0;
  // An `after` hook that throws comes out of uvu as it is; the suite's counts are lost with it.
  const [errors, passed, skipped, total] = await run().catch((): Awaited<ReturnType<SuiteRun>> => [true, 0, 0, 0]);
  const failed = Math.max(total - passed, hookErrors.length > 0 ? 1 : 0);
  const texts = hookErrors.map((text) => `  a hook of the suite threw: ${text}`);
  await send({
    type: 'suite',
    passed,
    failed,
    skipped,
    errors: [errors, ...texts].filter((e) => e !== true).join('\n'),
  });
}

async function runFile(file: string): Promise<void> {
  globalThis.UVU_DEFER = 1;
  globalThis.UVU_INDEX = 0;
  globalThis.UVU_QUEUE = [[null]];
  globalThis.tsrunSkips = [];
  globalThis.tsrunWatch = { started: (name) => process.send?.({ type: 'start', name } satisfies Message), hookErrors };
  await import('uvu');
  await import(file);
  for (const [, ...suites] of globalThis.UVU_QUEUE) {
    for (const suite of suites) await runSuite(suite);
  }
  await send({ type: 'end', skips: globalThis.tsrunSkips });
}

const file = process.argv[2];
if (file === undefined || process.send === undefined) throw new Error('only test/run.ts starts this');
await runFile(file);
process.exit(0); // a handle that a test left open does not hold up the others
