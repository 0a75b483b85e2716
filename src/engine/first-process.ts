import { closeSync, statSync } from 'node:fs';
import { isAlive, processBirth } from '../kernel/procfs.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { containerStatus } from './status.ts';

/** PID 1 of a container and no other process ever, whatever becomes of the pid. The descriptor is the caller's to close. */
export interface FirstProcess {
  /** In the caller's PID namespace. */
  pid: number;
  pidfd: number;
  /** It stands still, with all others of the container. */
  paused: boolean;
}

/** Opened first, compared afterwards: what the descriptor means cannot change between the two. undefined when it does not run. */
export function openFirstProcess(engine: Engine, record: ContainerRecord, goal: string): FirstProcess | undefined {
  const { status, pid, run } = containerStatus(engine, record);
  if (pid === 0) return undefined;
  const birth = run ?? processBirth(pid);
  const open = step('pidfd_open', { pid, flags: 0 }, 'PID 1, and no other process ever', { save: 'pidfd' });
  const pidfd = unlessEnded(() => play(goal, [open]).value('pidfd'));
  if (pidfd === undefined) return undefined;
  let same = false;
  try {
    same =
      birth !== undefined &&
      (run ? isAlive(pid, run.startTime, run.bootId) : processBirth(pid)?.startTime === birth.startTime) &&
      unlessEnded(() => standsInOurRoot(pid)) === false;
  } finally {
    if (!same) closeSync(pidfd);
  }
  return same ? { pid, pidfd, paused: status === 'paused' } : undefined;
}

/** It may end at any moment; its pid may be that of somebody's thread by then, which no pidfd names (EINVAL, ENOENT). */
function unlessEnded<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (['ESRCH', 'ENOENT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Whoever started it was killed half-way: it never got to its own root, and is not a container yet. */
function standsInOurRoot(pid: number): boolean {
  const [ours, its] = [statSync('/'), statSync(`/proc/${pid}/root/`)];
  return ours.dev === its.dev && ours.ino === its.ino;
}
