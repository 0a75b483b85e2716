import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What a C compiler makes of integer expressions: macros, `sizeof`, `offsetof`. Compiles a small program and runs it.
 * @param headers whole `#include`-able names, or lines that start with `#`
 */
export function cValues(headers: readonly string[], expressions: readonly string[]): number[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-c-values-'));
  try {
    const source = [
      '#define _GNU_SOURCE',
      '#include <stddef.h>',
      '#include <stdio.h>',
      ...headers.map((header) => (header.startsWith('#') ? header : `#include <${header}>`)),
      'int main(void) {',
      ...expressions.map((expression) => `  printf("%lld\\n", (long long)(${expression}));`),
      '  return 0;',
      '}',
      '',
    ].join('\n');
    writeFileSync(join(directory, 'values.c'), source);
    execFileSync('gcc', ['-o', join(directory, 'values'), join(directory, 'values.c')], { stdio: 'pipe' });
    return execFileSync(join(directory, 'values'), { encoding: 'utf8' }).trim().split('\n').map(Number);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same by name, for a table whose keys are the names. */
export function cTable(headers: readonly string[], names: readonly string[]): Record<string, number> {
  const values = cValues(headers, names);
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}
