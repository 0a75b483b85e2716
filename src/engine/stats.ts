import { totalmem } from 'node:os';
import { cgroupUsage, type Usage } from '../cgroup/usage.ts';
import type { ContainerRecord } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { listContainers } from './list.ts';
import { containerStatus, isUp } from './status.ts';

/** What a container has used at one moment. */
export interface Sample {
  id: string;
  name: string;
  /** ns of a clock that only goes forward. */
  at: number;
  usage: Usage;
}

/** What that comes to between two moments. */
export interface Stats extends Usage {
  id: string;
  name: string;
  /** Of one processor: 200 when two were busy. */
  cpuPercent: number;
  memoryPercent: number;
}

/** Of these containers; of none, those that run, or `all`. @throws TsrunError 'not-found' */
export function sampleContainers(engine: Engine, references: readonly string[], all: boolean): Map<string, Sample> {
  const records =
    references.length > 0
      ? references.map((reference) => findContainer(engine, reference))
      : listContainers(engine).containers.flatMap(({ record, status }) => (all || isUp(status) ? [record] : []));
  return new Map(records.map((record) => [record.id, sample(engine, record)]));
}

function sample(engine: Engine, record: ContainerRecord): Sample {
  const up = isUp(containerStatus(engine, record));
  const usage = cgroupUsage(up ? engine.cgroups : { ...engine.cgroups, hierarchies: [] }, cgroupPath(record.id));
  // What has no limit of its own has the machine's.
  const memoryLimit = up ? Math.min(usage.memoryLimit, totalmem()) : 0;
  return { id: record.id, name: record.name, at: Number(process.hrtime.bigint()), usage: { ...usage, memoryLimit } };
}

export function statsBetween(before: Sample | undefined, { id, name, at, usage }: Sample): Stats {
  const elapsed = before === undefined ? 0 : at - before.at;
  const used = before === undefined ? 0 : Math.max(0, usage.cpuNs - before.usage.cpuNs);
  return {
    ...usage,
    id,
    name,
    cpuPercent: elapsed > 0 ? (100 * used) / elapsed : 0,
    memoryPercent: usage.memoryLimit > 0 ? (100 * usage.memory) / usage.memoryLimit : 0,
  };
}
