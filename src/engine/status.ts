import { existsSync } from 'node:fs';
import { isFrozen } from '../cgroup/freeze.ts';
import { cgroupProcesses } from '../cgroup/host.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { isAlive, processBirth } from '../kernel/procfs.ts';
import {
  type ContainerRecord,
  type ExitRecord,
  type RunState,
  readExit,
  readRunState,
  readStarted,
} from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';

/** Docker's. `dead`: its removal has begun, and what it wrote is gone. */
export type StatusName = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead';

/** What can be seen of a container now. Derived each time, from boot id, pid, start time, cgroup and exit record; never stored. */
export interface Status {
  status: StatusName;
  /** 0 unless it is up: running or paused. */
  pid: number;
  run: RunState | undefined;
  /** Of the last start; undefined when it never was started. */
  startedAt: string | undefined;
  exit: ExitRecord | undefined;
  /** 0 while running; 137 when nobody was left to record it. */
  exitCode: number;
}

const LOST = 137;

/** Its processes are there, standing still or not, or will be in a moment. */
export const isUp = ({ status }: Pick<Status, 'status'>): boolean =>
  ['running', 'paused', 'restarting'].includes(status);

/** Docker's words for what needs its processes. */
export const isRestarting = (reference: string): TsrunError =>
  new TsrunError('conflict', `Container ${reference} is restarting, wait until the container is running`, {
    exitCode: 1,
  });

/** It has ended, and its monitor is about to start it again. */
function waitsForRestart({ paths }: Engine, id: string, run: RunState | undefined): boolean {
  const { monitor, bootId } = run ?? {};
  if (monitor === undefined || bootId === undefined || !existsSync(paths.restarting(id))) return false;
  return isAlive(monitor.pid, monitor.startTime, bootId);
}

export function containerStatus(engine: Engine, record: ContainerRecord): Status {
  const run = readRunState(engine.paths, record.id);
  const exit = readExit(engine.paths, record.id);
  const startedAt = readStarted(engine.paths, record.id);
  const running = (pid: number): Status => ({
    status: isFrozen(engine.cgroups, cgroupPath(record.id)) ? 'paused' : 'running',
    pid,
    run,
    startedAt,
    exit: undefined,
    exitCode: 0,
  });
  if (run && isAlive(run.pid, run.startTime, run.bootId)) return running(run.pid);
  if (exit && waitsForRestart(engine, record.id, run))
    return { status: 'restarting', pid: 0, run, startedAt, exit, exitCode: exit.exitCode };
  const ended = existsSync(engine.paths.layer(record.layer)) ? 'exited' : 'dead';
  if (exit) return { status: ended, pid: 0, run, startedAt, exit, exitCode: exit.exitCode };
  const orphan = firstProcess(engine, record.id);
  if (orphan !== undefined) return running(orphan);
  const lost = startedAt !== undefined;
  return { status: lost ? ended : 'created', pid: 0, run, startedAt, exit: undefined, exitCode: lost ? LOST : 0 };
}

/**
 * PID 1 is the oldest process of the cgroup. That is all there is to see when the launcher was killed between the start and its
 * record, or when the record cannot be read (it is root's).
 */
function firstProcess(engine: Engine, id: string): number | undefined {
  const alive = cgroupProcesses(engine.cgroups, cgroupPath(id)).flatMap((pid) => {
    const birth = processBirth(pid);
    return birth && !'ZX'.includes(birth.state) ? [{ pid, age: BigInt(birth.startTime) }] : [];
  });
  return alive.toSorted((a, b) => (a.age < b.age ? -1 : 1))[0]?.pid;
}
