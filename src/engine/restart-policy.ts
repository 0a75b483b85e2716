import { existsSync } from 'node:fs';
import {
  type ContainerRecord,
  type ExitRecord,
  listIds,
  readExit,
  readRecord,
  readRestarts,
  readStart,
} from '../store/record.ts';
import type { Engine } from './engine.ts';
import type { RestartPolicy } from './run-options.ts';
import { unpackOptions } from './saved-options.ts';
import { containerStatus, isUp } from './status.ts';

/**
 * Is the container to be started now that the machine has? As dockerd decides it when it starts: `always` means always, also when a user
 * stopped it; `unless-stopped` not then; `on-failure` when it ended with another code than 0, and a lost end is a failure. One that was
 * never started is not. Only the last run counts whose monitor could not do the same: one of another boot, or that was killed.
 * @throws TsrunError 'config' when its options are damaged
 */
export function isDue(engine: Engine, record: ContainerRecord): boolean {
  const { paths, machine } = engine;
  const start = readStart(paths, record.id);
  if (start === undefined || isUp(containerStatus(engine, record))) return false;
  const exit = readExit(paths, record.id);
  if (exit !== undefined && start.bootId === machine.bootId()) return false; // its monitor has seen the end, and decided
  const { restart } = unpackOptions(record.options);
  const stopped = existsSync(paths.stopped(record.id));
  if (restart.name === 'unless-stopped') return !stopped;
  if (restart.name === 'on-failure') return hasFailed(exit) && !isSpent(engine, record.id, restart);
  return restart.name === 'always';
}

const hasFailed = (exit: ExitRecord | undefined): boolean => exit?.exitCode !== 0;

/**
 * The number of restarts outlives the machine, as Docker's does (seen with 20.10.24): a boot starts nothing that has been started again as
 * often as it may, also when that run was lost, and what it does start begins to count anew. A restart counts from when it is decided:
 * the pause before it, too.
 */
function isSpent({ paths }: Engine, id: string, { maximumRetryCount }: RestartPolicy): boolean {
  const decided = readRestarts(paths, id) + (existsSync(paths.restarting(id)) ? 1 : 0);
  return maximumRetryCount > 0 && decided >= maximumRetryCount;
}

export interface Due {
  records: ContainerRecord[];
  /** Why one could not be looked at. */
  failed: unknown[];
}

/** In the order in which they were made: later ones may need earlier ones. */
export function dueContainers(engine: Engine): Due {
  const due: Due = { records: [], failed: [] };
  for (const id of listIds(engine.paths)) {
    try {
      const record = readRecord(engine.paths, id);
      if (record !== undefined && isDue(engine, record)) due.records.push(record);
    } catch (error) {
      due.failed.push(error);
    }
  }
  due.records.sort((a, b) => Date.parse(a.created) - Date.parse(b.created));
  return due;
}
