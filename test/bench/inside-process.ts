import { closeSync, readdirSync } from 'node:fs';
import { readRunFlags } from '../../src/cli/run-flags.ts';
import { type Engine, openEngine } from '../../src/engine/engine.ts';
import { runContainer } from '../../src/engine/run.ts';
import type { RunOptions } from '../../src/engine/run-options.ts';
import { waitForExit } from '../../src/runtime/wait.ts';
import { measureLaunch } from './launch.ts';
import type { Machine } from './machine.ts';
import type { Row } from './results.ts';
import { summarize } from './statistics.ts';

const GROUP = 'the library: start, wait and clean-up in a warm Node process';
const WARM_UP = 20;

export const engineOf = ({ environment }: Machine): Engine =>
  openEngine({ dataRoot: environment.TSRUN_ROOT, runRoot: environment.TSRUN_RUN });

export function optionsFor(machine: Machine, remove: boolean): RunOptions {
  const context = { env: {}, cwd: machine.scratch, readFile: () => Buffer.alloc(0) };
  return readRunFlags({ rm: remove }, machine.rootfs, ['true'], context);
}

/** In this very process: what a program that embeds tsrun waits for, and for how long nothing else can happen in it. */
async function measureLibrary(machine: Machine, runs: number): Promise<Row[]> {
  const [engine, options] = [engineOf(machine), optionsFor(machine, true)];
  const blocked: number[] = [];
  const whole: number[] = [];
  let descriptors = 0;
  for (let i = 0; i < WARM_UP + runs; i++) {
    if (i === WARM_UP) descriptors = readdirSync('/proc/self/fd').length;
    const begun = performance.now();
    const started = runContainer(engine, options, { interactive: false });
    const returned = performance.now();
    await waitForExit(started);
    for (const fd of [started.stdin, started.stdout, started.stderr]) if (fd !== undefined) closeSync(fd);
    if (i < WARM_UP) continue;
    blocked.push(returned - begun);
    whole.push(performance.now() - begun);
  }
  const left = readdirSync('/proc/self/fd').length - descriptors;
  return [
    { group: GROUP, name: 'tsrun, start to clean-up', ...summarize(whole) },
    { group: GROUP, name: 'of it the event loop is blocked', ...summarize(blocked) },
    {
      group: GROUP,
      name: `descriptors left by ${runs} starts`,
      ...{ runs: 1, median: left, p95: left, unit: '', target: 0, met: left <= 0 },
    },
  ];
}

export async function insideProcess(machine: Machine, runs: number): Promise<Row[]> {
  return [...(await measureLaunch(machine, runs)), ...(await measureLibrary(machine, runs))];
}
