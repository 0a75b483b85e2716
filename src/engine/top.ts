import { cgroupProcesses } from '../cgroup/host.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { containerStatus, isRestarting, isUp } from './status.ts';

/** What ps(1) says, a column an element; the last column is the rest of the line. */
export interface ProcessTable {
  titles: string[];
  processes: string[][];
}

/**
 * `tsrun top`: what the host's ps(1) prints with these arguments, of the container's processes alone.
 * @throws TsrunError 'conflict' when it does not run; what ps says when it objects
 */
export async function containerProcesses(
  engine: Engine,
  reference: string,
  psArguments: readonly string[],
): Promise<ProcessTable> {
  const goal = `top ${reference}`;
  const record = findContainer(engine, reference);
  const { status } = containerStatus(engine, record);
  if (status === 'restarting') throw isRestarting(reference);
  if (!isUp({ status }))
    throw new TsrunError('conflict', `${goal}: container ${record.id} is not running`, { exitCode: 1 });
  const [heading = '', ...lines] = (await runPs(goal, psArguments)).split('\n').filter((line) => line.trim() !== '');
  const titles = heading.trim().split(/\s+/);
  const pidAt = titles.indexOf('PID');
  if (pidAt < 0)
    throw new TsrunError('usage', `${goal}: no column PID in what ps prints`, {
      exitCode: 1,
      hint: 'let it print one: -o pid,…',
    });
  // Listed after ps was run: a process that ended meanwhile may be in both, one that was born is in none.
  const pids = new Set(cgroupProcesses(engine.cgroups, cgroupPath(record.id)).map(String));
  return {
    titles,
    processes: lines.map((line) => columns(line, titles.length)).filter((row) => pids.has(row[pidAt] ?? '')),
  };
}

async function runPs(goal: string, psArguments: readonly string[]): Promise<string> {
  const { execa } = await import('execa');
  const result = await execa('ps', psArguments.length > 0 ? psArguments : ['-ef'], {
    reject: false,
    env: { COLUMNS: '10000' },
  });
  if (result.failed)
    throw new TsrunError('usage', `${goal}: ps: ${result.stderr?.trim().split('\n')[0] || result.shortMessage}`, {
      exitCode: 1,
      cause: result,
    });
  return result.stdout;
}

function columns(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  return words.length <= count ? words : [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
