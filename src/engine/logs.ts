import { TsrunError } from '../errors/tsrun-error.ts';
import { isAlive } from '../kernel/procfs.ts';
import type { LogEntry } from '../monitor/log-entry.ts';
import { readLog } from '../monitor/log-reader.ts';
import { fileError } from '../store/files.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { logSettings } from './options/parse-log.ts';
import { unpackOptions } from './saved-options.ts';
import { containerStatus, isUp } from './status.ts';

export interface LogsRequest {
  /** The last so many lines; undefined: all. */
  tail?: number | undefined;
  /** ns since 1970. */
  since?: bigint | undefined;
  until?: bigint | undefined;
  /** Goes on until the container has ended. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * What a container has written, as it was written.
 * @throws TsrunError 'not-found', 'conflict', 'config', 'unsupported' when nothing is kept of it
 */
export async function* containerLogs(
  engine: Engine,
  reference: string,
  { follow, signal, ...request }: LogsRequest = {},
): AsyncGenerator<LogEntry[]> {
  const record = findContainer(engine, reference);
  if (logSettings(unpackOptions(record.options).log).maxFiles === 0)
    throw new TsrunError('unsupported', 'configured logging driver does not support reading', {
      exitCode: 1,
      hint: `nothing is kept of what ${reference} writes: it was made with --log-driver none`,
    });
  const follows = follow && !hasEnded(engine, record);
  const ended = () => hasEnded(engine, record);
  try {
    yield* readLog(engine.paths.log(record.id), { ...request, ...(follows ? { follow: { ended, signal } } : {}) });
  } catch (error) {
    throw fileError(`logs ${reference}`, error);
  }
}

/** Nothing of it will be written any more: it is over, and its monitor has said so or is gone. */
function hasEnded(engine: Engine, record: ContainerRecord): boolean {
  const status = containerStatus(engine, record);
  if (isUp(status)) return false;
  const { run, exit } = status;
  return exit !== undefined || !run?.monitor || !isAlive(run.monitor.pid, run.monitor.startTime, run.bootId);
}
