import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import { TsrunError } from '../../errors/tsrun-error.ts';
import { fileError, makeDirectory } from '../../store/files.ts';
import type { Engine } from '../engine.ts';
import { usageError } from '../options/usage-error.ts';
import type { ContainerEvent } from './event.ts';
import { parseEventFilter } from './event-filter.ts';
import { EventLog } from './event-log.ts';

/** Times: ns since 1970. */
export interface EventOptions {
  /** Also what has happened before, from then on. */
  since?: bigint | undefined;
  /** Only what happens until then; without `since`, from the oldest event that is known. In the past: returns at once. */
  until?: bigint | undefined;
  /** `container=web`, `event=die`, …, as `tsrun events -f` takes them. */
  filters?: readonly string[] | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
}

const GOAL = 'events';
const NS_A_MS = 1_000_000n;
/** The clock of the events, which may be set meanwhile. */
const nowNs = (): bigint => BigInt(Date.now()) * NS_A_MS;
/** setTimeout knows no longer ones. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * What happens to containers, as it happens: `for await (const event of events(engine, { signal }))`. Without `until` it ends by the
 * signal, or when the loop is left.
 * @throws TsrunError 'usage' for a filter that is none; 'system' when the run directory is closed to us, or is removed
 */
export async function* events(engine: Engine, options: EventOptions = {}): AsyncGenerator<ContainerEvent, void, void> {
  const { since, until, filters = [], signal } = options;
  const matches = parseEventFilter(filters);
  if (since !== undefined && until !== undefined && until < since)
    throw usageError('`since` time cannot be after `until` time');
  const wanted = (event: ContainerEvent) =>
    event.timeNano >= (since ?? 0n) && (until === undefined || event.timeNano <= until) && matches(event);
  let bell: Bell | undefined;
  let log: EventLog | undefined;
  try {
    if (until === undefined || until > nowNs()) bell = new Bell(engine.paths.runRoot, basename(engine.paths.events));
    log = new EventLog(engine.paths.events);
    if (since === undefined && until === undefined) log.skip();
    while (!signal?.aborted) {
      const over = bell === undefined || (until !== undefined && until <= nowNs());
      yield* log.read().filter(wanted);
      if (over || bell === undefined) return;
      await bell.ring(until, signal);
    }
  } catch (error) {
    throw fileError(GOAL, error);
  } finally {
    log?.close();
    bell?.close();
  }
}

/** Rings when something in a directory happens to a file, by inotify(7): from its making on, so that nothing is missed. */
class Bell {
  #rung = false;
  #error: Error | undefined;
  #hear = () => {};
  readonly #watcher: FSWatcher;

  /** The directory is made when there has been no container yet. */
  constructor(directory: string, file: string) {
    makeDirectory(directory, 0o700);
    const gone = new TsrunError('system', `${GOAL}: ${directory}: the run directory has been removed`);
    this.#watcher = watchOrSayWhy(directory, (kind, name) => {
      // The directory's own name: inotify's IN_DELETE_SELF and IN_MOVE_SELF.
      if (kind === 'rename' && name === basename(directory)) this.#fail(gone);
      else if (name === null || name.startsWith(file)) this.#strike();
    });
    this.#watcher.on('error', (error) => this.#fail(error));
  }

  #strike(): void {
    this.#rung = true;
    this.#hear();
  }
  #fail(error: Error): void {
    this.#error = error;
    this.#strike();
  }

  /** Waits until it rings, or has rung since the last time; until that time at most, or until the signal. */
  async ring(until: bigint | undefined, signal: AbortSignal | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#hear = resolve;
      signal?.addEventListener('abort', this.#hear, { once: true });
      if (until !== undefined) timer = setTimeout(resolve, millisecondsTo(until));
      if (this.#rung || signal?.aborted) resolve();
    });
    clearTimeout(timer);
    signal?.removeEventListener('abort', this.#hear);
    this.#hear = () => {};
    this.#rung = false;
    if (this.#error) throw this.#error;
  }

  close(): void {
    this.#watcher.close();
  }
}

/** Too few descriptors, inotify instances (EMFILE, both) or watches (ENOSPC: it is no disk that is full). */
function watchOrSayWhy(directory: string, hear: (kind: string, name: string | null) => void): FSWatcher {
  try {
    return watch(directory, hear);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EMFILE' && code !== 'ENOSPC') throw error;
    const limit = `fs.inotify.max_user_${code === 'EMFILE' ? 'instances' : 'watches'}`;
    throw fileError(GOAL, error, `end another program that watches files, or raise the limit: sysctl ${limit}`);
  }
}

/** Not before that time. */
function millisecondsTo(time: bigint): number {
  const left = time - nowNs();
  return left <= 0n ? 0 : Math.min(Number(left / NS_A_MS) + 1, LONGEST_MS);
}
