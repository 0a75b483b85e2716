import { readFileSync } from 'node:fs';
import { cgroupProcesses, findCgroup, processesBelow } from '../cgroup/host.ts';
import { killProcesses } from '../cgroup/kill.ts';
import { killCgroupSteps } from '../cgroup/steps.ts';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { isAlive } from '../kernel/procfs.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { readRunState } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';

const SIGKILL = 9;
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 5;
/** Looks after which what forks faster than it is killed is frozen for that. */
const FREEZE_FROM = 3;

/** Kills by pidfd, after comparing the start time: a pid alone may be anybody's. */
export function killProcess(pid: number, startTime: string, boot: string, why: string): void {
  try {
    const pidfd = play('kill', [
      step('pidfd_open', { pid, flags: 0 }, 'the process, for ever', { save: 'pidfd' }),
    ]).value('pidfd');
    const kill = { pidfd: slot('pidfd'), sig: SIGKILL, info: null, flags: 0 };
    const steps = [step('close', { fd: slot('pidfd') }, 'done with it')];
    if (isAlive(pid, startTime, boot)) steps.unshift(step('pidfd_send_signal', kill, why, { ignoreErrors: true }));
    play('kill', steps, { pidfd });
  } catch {
    // it has ended
  }
}

function firstRuns(engine: Engine, id: string): boolean {
  const run = readRunState(engine.paths, id);
  return run !== undefined && isAlive(run.pid, run.startTime, run.bootId);
}

export function isRunning(engine: Engine, id: string): boolean {
  return firstRuns(engine, id) || cgroupProcesses(engine.cgroups, cgroupPath(id)).length > 0;
}

/**
 * Everything that runs in the container, and waits until nothing does: PID 1, then all of its cgroup at once where the kernel can do
 * that, then one by one whoever is left. In one hierarchy, chosen while it runs: who is in another alone was put there by others.
 */
export async function killAll(engine: Engine, id: string, goal: string): Promise<void> {
  const deadline = monotonicMs() + PATIENCE_MS;
  const path = cgroupPath(id);
  const cgroup = findCgroup(engine.cgroups, path);
  const run = readRunState(engine.paths, id);
  if (run) killProcess(run.pid, run.startTime, run.bootId, 'PID 1 takes all others with it');
  play(goal, killCgroupSteps(engine.cgroups, path));
  for (let look = 0; ; look++) {
    const left = cgroup === undefined ? [] : processesBelow(cgroup);
    if (left.length === 0 && !firstRuns(engine, id)) return;
    if (monotonicMs() > deadline)
      throw new TsrunError('system', `${goal}: some of its processes do not end`, { hint: `see ${named(left)}` });
    if (look > 0 && cgroup !== undefined) killProcesses(engine.cgroups, path, cgroup, look >= FREEZE_FROM);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function named(pids: readonly number[]): string {
  return pids.map((pid) => `${pid}${commandOf(pid)}`).join(', ');
}

function commandOf(pid: number): string {
  try {
    return ` (${readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd()})`;
  } catch {
    return ''; // it has just ended
  }
}

/** The error of a cgroup that cannot be removed says who is in it; any other is as it was. */
export function sayWhoIsLeft(error: unknown, id: string): unknown {
  if (!(error instanceof SyscallError) || error.code !== 'EBUSY' || !error.path?.endsWith(cgroupPath(id))) return error;
  const left = processesBelow(error.path);
  return new TsrunError('conflict', `${error.message}${left.length > 0 ? `, with ${named(left)} in it` : ''}`, {
    code: 'EBUSY',
    hint:
      left.length > 0
        ? 'end it, or move it to another cgroup, and say it again'
        : 'nobody is in it: say it again in a moment',
    cause: error,
  });
}
