import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Engine, openEngine } from '../engine/engine.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { tracePlans } from '../plan/play.ts';
import { renderPlan } from '../plan/render.ts';
import type { FlagContext } from './flag-values.ts';
import { escapeControl } from './format/escape-control.ts';
import { printError } from './report.ts';

/** Flags that every verb has. */
export interface GlobalFlags {
  dataRoot?: string;
  logLevel?: string;
}

export const flagContext = (): FlagContext => ({
  env: process.env,
  cwd: process.cwd(),
  readFile: (path) => readFileSync(path),
});

/** The engine that --data-root, TSRUN_ROOT and TSRUN_RUN name. */
export function engineFrom(flags: GlobalFlags): Engine {
  setLogLevel(flags.logLevel ?? 'info');
  const dataRoot = flags.dataRoot ?? process.env.TSRUN_ROOT;
  const runRoot = process.env.TSRUN_RUN;
  return openEngine({
    ...(dataRoot ? { dataRoot: resolve(dataRoot) } : {}),
    ...(runRoot ? { runRoot: resolve(runRoot) } : {}),
  });
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'];
let level = 'info';

/** `debug` shows every plan as it is played, on standard error. */
function setLogLevel(wanted: string): void {
  if (!LEVELS.includes(wanted)) {
    throw new TsrunError(
      'usage',
      `invalid argument "${wanted}" for "--log-level" flag: it is one of ${LEVELS.join(', ')}`,
    );
  }
  level = wanted;
  if (wanted !== 'debug') return;
  tracePlans((goal, steps) =>
    printError(
      renderPlan(steps)
        .map((line) => `debug: ${escapeControl(goal)}: ${escapeControl(line)}\n`)
        .join(''),
    ),
  );
}

export function warn(text: string): void {
  if (LEVELS.indexOf(level) <= LEVELS.indexOf('warn')) printError(`tsrun: warning: ${escapeControl(text)}\n`);
}

/** For verbs that change something. */
export function requireRoot(goal: string): void {
  if (process.platform !== 'linux')
    throw new TsrunError('unsupported', `${goal}: tsrun needs Linux; this is ${process.platform}`, {
      hint: 'use the virtual machine in vagrant/',
    });
  if (process.geteuid?.() === 0) return;
  throw new TsrunError('permission', `${goal}: must be root: namespaces, mounts and cgroups need its capabilities`, {
    code: 'EPERM',
    hint: 'run it with sudo',
  });
}
