import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Bundle, bundleTests } from './support/bundle.ts';
import { type FileResult, killAll, runFile } from './support/run-file.ts';

const root = join(import.meta.dirname, '..');
const slowdown = Number(process.env.TSRUN_TEST_SLOWDOWN ?? '1');
const LIMIT = { unit: 60_000 * slowdown, root: 180_000 * slowdown };

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** `test/plan/encode.test.ts`, a directory, or any part of a path. Several: files that match one of them. */
function collect(patterns: readonly string[]): string[] {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort();
  const wanted = patterns.map((pattern) => pattern.replace(/^\.\//, '').replace(`${root}/`, ''));
  return wanted.length === 0 ? files : files.filter((file) => wanted.some((part) => file.includes(part)));
}

async function runAll(files: readonly string[], bundle: Bundle): Promise<FileResult[]> {
  const results: FileResult[] = [...bundle.broken].map(([file, details]) => notCompiled(file, details));
  results.forEach(report);
  const work = async (queue: string[], limit: number): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const compiled = bundle.outputs.get(file);
      if (compiled === undefined) continue;
      const result = await runFile(file, compiled, bundle.child, limit);
      report(result);
      results.push(result);
    }
  };
  const isRoot = (file: string): boolean => file.endsWith('.root.test.ts');
  const units = files.filter((file) => !isRoot(file));
  await Promise.all([work(units, LIMIT.unit), work(units, LIMIT.unit)]);
  // These change the machine (mounts, cgroups, addresses): one at a time.
  await work(files.filter(isRoot), LIMIT.root);
  return results;
}

function notCompiled(file: string, details: string): FileResult {
  return { file, milliseconds: 0, passed: 0, failed: 1, skipped: 0, skips: [], details };
}

function report({ file, milliseconds, passed, failed, skipped, details }: FileResult): void {
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  const mark = failed > 0 ? 'FAIL' : 'ok  ';
  say(`${mark}  ${file}  ${counts.filter(Boolean).join(', ')}  (${(milliseconds / 1000).toFixed(2)} s)`);
  if (details !== '') say(`${details}\n`);
}

/** Every skipped test, under its reason. */
function reportSkips(results: readonly FileResult[]): void {
  const reasons = new Map<string, string[]>();
  const add = (reason: string, what: string): unknown => reasons.set(reason, [...(reasons.get(reason) ?? []), what]);
  for (const { file, skips, skipped } of results) {
    for (const { name, reason } of skips) add(reason, `${file}: ${name}`);
    const unexplained = skipped - skips.length;
    if (unexplained > 0) add('no reason given: test.skip or test.only', `${file}: ${unexplained} tests`);
  }
  for (const [reason, names] of reasons) say(`\nskipped, ${reason}:\n${names.map((name) => `  ${name}`).join('\n')}`);
}

async function main(): Promise<number> {
  const files = collect(process.argv.slice(2));
  const bundle = await bundleTests(root, files);
  const stop = (): never => {
    killAll();
    bundle.remove();
    process.exit(130);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const results = await runAll(files, bundle).finally(bundle.remove);
  reportSkips(results);
  const sum = (key: 'passed' | 'failed' | 'skipped'): number => results.reduce((total, one) => total + one[key], 0);
  say(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  const nothing = sum('passed') + sum('skipped') === 0;
  return nothing || sum('failed') > 0 ? 1 : 0;
}

process.exitCode = await main();
