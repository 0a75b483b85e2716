import { TsrunError } from '../errors/tsrun-error.ts';
import { fileError } from '../store/files.ts';
import { type ContainerRecord, listIds, readRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { type HealthStatus, readHealth } from './health.ts';
import { unlinkDeadRoot } from './left-behind.ts';
import type { RunOptions } from './run-options.ts';
import { unpackOptions } from './saved-options.ts';
import { containerStatus, isUp, type Status } from './status.ts';

/** A container with what can be seen of it at this moment. */
export interface ListedContainer {
  id: string;
  record: ContainerRecord;
  options: RunOptions;
  status: Status;
  /** undefined: nothing is checked. */
  health: HealthStatus | undefined;
}

/** A container whose record cannot be understood. */
export interface DamagedContainer {
  id: string;
  error: TsrunError;
}

export interface ContainerList {
  /** Newest first. */
  containers: ListedContainer[];
  damaged: DamagedContainer[];
}

/** Every container. One that comes or goes meanwhile is in it or not; a damaged one does not hide the others. @throws TsrunError EACCES */
export function listContainers(engine: Engine): ContainerList {
  const containers: ListedContainer[] = [];
  const damaged: DamagedContainer[] = [];
  for (const id of listIds(engine.paths)) {
    try {
      const record = readRecord(engine.paths, id);
      if (record === undefined) damaged.push({ id, error: withoutRecord(id) });
      else containers.push(lookAt(engine, record));
    } catch (error) {
      if (!(error instanceof TsrunError) || error.kind !== 'config') throw fileError('list containers', error);
      damaged.push({ id, error });
    }
  }
  containers.sort((a, b) => compareTimes(b.record.created, a.record.created));
  return { containers, damaged };
}

export function lookAt(engine: Engine, record: ContainerRecord): ListedContainer {
  try {
    const status = containerStatus(engine, record);
    if (!isUp(status)) unlinkDeadRoot(engine, record);
    const options = unpackOptions(record.options);
    const health = readHealth(engine, record, status, options.health)?.Status;
    return { id: record.id, record, options, status, health };
  } catch (error) {
    throw fileError(`look at container ${record.name}`, error);
  }
}

function withoutRecord(id: string): TsrunError {
  return new TsrunError('config', `container ${id.slice(0, 12)}: it has no record`, {
    hint: `a command was killed while making or removing it; remove the rest: tsrun rm -f ${id.slice(0, 12)}`,
  });
}

/** RFC 3339 in UTC, fractions of any length: `…05Z` is before `…05.1Z`. */
function compareTimes(a: string, b: string): number {
  const [x, y] = [a.replace('Z', ''), b.replace('Z', '')];
  return x < y ? -1 : x > y ? 1 : 0;
}
