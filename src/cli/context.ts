import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Engine, openEngine } from '../engine/engine.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import type { FlagContext } from './flag-values.ts';
import type { GlobalFlags } from './flags.ts';

export const flagContext = (): FlagContext => ({
  env: process.env,
  cwd: workingDirectory(),
  readFile: (path) => readFileSync(path),
});

/** Where the caller stands in a directory that has been removed, absolute paths work still, and relative ones name what is not there. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/proc/self/cwd';
  }
}

/** The engine that --data-root, TSRUN_ROOT and TSRUN_RUN name. */
export function engineFrom(flags: GlobalFlags): Engine {
  const dataRoot = flags.dataRoot ?? process.env.TSRUN_ROOT;
  const runRoot = process.env.TSRUN_RUN;
  return openEngine({
    ...(dataRoot ? { dataRoot: resolve(workingDirectory(), dataRoot) } : {}),
    ...(runRoot ? { runRoot: resolve(workingDirectory(), runRoot) } : {}),
  });
}

/** For verbs that change something. */
export function requireRoot(goal: string): void {
  if (process.platform !== 'linux')
    throw new TsrunError('unsupported', `${goal}: tsrun needs Linux; this is ${process.platform}`, {
      hint: 'run it in a virtual machine with Linux',
    });
  if (process.geteuid?.() === 0) return;
  throw new TsrunError('permission', `${goal}: must be root: namespaces, mounts and cgroups need its capabilities`, {
    code: 'EPERM',
    hint: 'run it with sudo',
  });
}
