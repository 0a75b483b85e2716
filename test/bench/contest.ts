import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compileC, type Machine } from './machine.ts';
import { type Summary, summarize } from './statistics.ts';

/** A command that is measured against others. */
export interface Contestant {
  name: string;
  argv: readonly string[];
  /** /proc/…/ns/mnt of the mount namespace that it runs in. */
  mountNamespace?: string | undefined;
  /** Put before $PATH, so that `#!/usr/bin/env node` finds that Node. */
  path?: string;
}
export interface Measured extends Summary {
  name: string;
}
export interface Bounds {
  rounds: number;
  seconds: number;
}

/** An error is said once and in part, however often it comes. */
const ERROR_LENGTH = 400;

/** Runs them in rounds, so that whatever else the machine does meets all of them. A contestant that fails is left out, loudly. */
export async function contest(
  machine: Machine,
  contestants: readonly Contestant[],
  { rounds, seconds }: Bounds,
): Promise<Measured[]> {
  const stopwatch = compileC(machine, 'stopwatch', ['stopwatch.c']);
  const words = contestants.flatMap(({ argv, mountNamespace, path }) => [
    '--',
    ...(mountNamespace ? [`mnt=${mountNamespace}`] : []),
    ...(path ? [`path=${path}`] : []),
    ...argv,
  ]);
  const { stdout, stderr } = await promisify(execFile)(stopwatch, [String(rounds), String(seconds), ...words], {
    env: machine.environment,
    timeout: (seconds + 60) * 1000,
  });
  const samples = contestants.map((): number[] => []);
  const failed = new Map<number, number>();
  for (const line of stdout.split('\n').filter((text) => text !== '')) {
    const [which, ns, code] = line.split(' ').map(Number) as [number, number, number];
    if (code === 0) samples[which]?.push(ns / 1e6);
    else failed.set(which, code);
  }
  for (const [which, code] of failed)
    machine.warn(`${contestants[which]?.name} failed with exit code ${code}: ${stderr.trim().slice(0, ERROR_LENGTH)}`);
  return contestants.flatMap(({ name }, i) =>
    failed.has(i) || samples[i]?.length === 0 ? [] : [{ name, ...summarize(samples[i] ?? []) }],
  );
}
