import { type FSWatcher, watch } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { isAlive } from '../kernel/procfs.ts';
import { fileError } from '../store/files.ts';
import { type Change, openLayers } from './diff.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { Directory } from './layer-view.ts';
import { containerStatus, isUp } from './status.ts';
import { type Components, UpperMemory } from './upper-memory.ts';

/** Writes that come together are looked at together. */
const SETTLE_MS = 20;
const LOOK_FOR_THE_END_MS = 100;
/** Where inotify has no watches left (fs.inotify.max_user_watches): how often all is looked at. */
const POLL_MS = 500;

/**
 * Reports each path as the container writes it, until the signal or the end of the container.
 *
 * What the upper layer holds is the truth; inotify(7) only says where to look. New names are noticed in the upper layer, writes to
 * what is there already in the merged view, because overlayfs opens the files of its layers without notifying (FMODE_NONOTIFY).
 * @param started called once everything that comes will be noticed
 * @throws TsrunError
 */
export async function watchChanges(
  engine: Engine,
  reference: string,
  { report, started, signal }: { report(change: Change): void; started?(): void; signal: AbortSignal },
): Promise<void> {
  const record = findContainer(engine, reference);
  const status = containerStatus(engine, record);
  const { pid, run } = status;
  if (!isUp(status))
    throw new TsrunError('conflict', `diff --watch ${reference}: the container is not running`, {
      exitCode: 1,
      hint: `what it has changed: tsrun diff ${reference}`,
    });
  const isRunning = () =>
    run?.pid === pid ? isAlive(pid, run.startTime, run.bootId) : isUp(containerStatus(engine, record));
  let close = () => {};
  try {
    const layers = openLayers(engine, record);
    const follower = new Follower(openMerged(pid));
    close = () => {
      follower.close();
      layers.close();
    };
    const memory = new UpperMemory(layers, {
      report,
      isRunning,
      entered: (upper, components) => follower.watch(upper, components),
      left: (components) => follower.unwatch(components),
    });
    memory.look([], { tell: false, deep: true });
    started?.();
    await follower.follow(memory, isRunning, signal);
    if (!signal.aborted) memory.look([], { tell: true, deep: true }); // what came between the last event and the end
  } catch (error) {
    throw fileError(`diff ${reference}`, error);
  } finally {
    close();
  }
}

function openMerged(pid: number): Directory | undefined {
  try {
    return new Directory(`/proc/${pid}/root/.`);
  } catch {
    return undefined; // it has just ended
  }
}

class Follower {
  readonly #merged: Directory | undefined;
  readonly #watched = new Map<string, FSWatcher[]>();
  /** Directories to look at again. */
  readonly #dirty = new Map<string, Components>();
  #settling: NodeJS.Timeout | undefined;
  #settle = () => {};
  #polling = false;

  constructor(merged: Directory | undefined) {
    this.#merged = merged;
  }

  async follow(memory: UpperMemory, isRunning: () => boolean, signal: AbortSignal): Promise<void> {
    let looking: NodeJS.Timeout | undefined;
    let polledAt = monotonicMs();
    try {
      await new Promise<void>((resolve, reject) => {
        const end = () => resolve();
        signal.addEventListener('abort', end);
        this.#settle = () => this.#lookAtDirty(memory, reject);
        if (this.#dirty.size > 0) this.#settle();
        looking = setInterval(() => {
          if (signal.aborted || !isRunning()) return end();
          if (!this.#polling || monotonicMs() - polledAt < POLL_MS) return;
          polledAt = monotonicMs();
          memory.look([], { tell: true, deep: true });
        }, LOOK_FOR_THE_END_MS);
      });
    } finally {
      clearInterval(looking);
      clearTimeout(this.#settling);
      this.#settle = () => {};
    }
  }

  #lookAtDirty(memory: UpperMemory, failed: (error: unknown) => void): void {
    this.#settling = undefined;
    const dirty = [...this.#dirty.values()];
    this.#dirty.clear();
    try {
      for (const components of dirty) memory.look(components, { tell: true, deep: false });
    } catch (error) {
      failed(error);
    }
  }

  watch(upper: Directory, components: Components): void {
    const key = keyOf(components);
    if (this.#watched.has(key)) return;
    const merged = this.#openMerged(components);
    const directories = merged ? [upper, merged] : [upper];
    this.#watched.set(
      key,
      directories.flatMap((directory) => this.#watchOne(directory, components)),
    );
    merged?.close();
  }

  /** No link on the way is followed: the container could make one just now that leads to the host. */
  #openMerged(components: Components): Directory | undefined {
    let directory = this.#merged?.child(Buffer.from('.'));
    for (const name of components) {
      const next: Directory | undefined = directory?.child(name);
      directory?.close();
      directory = next;
    }
    return directory;
  }

  #watchOne(directory: Directory, components: Components): FSWatcher[] {
    const mark = () => {
      this.#dirty.set(keyOf(components), components);
      this.#settling ??= setTimeout(() => this.#settle(), SETTLE_MS);
    };
    try {
      const watcher = watch(`${directory.path}/.`, mark);
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      this.#polling = true; // no watch is left
      return [];
    }
  }

  unwatch(components: Components): void {
    const key = keyOf(components);
    for (const [other, watchers] of this.#watched) {
      if (other !== key && !other.startsWith(`${key}/`)) continue;
      for (const one of watchers) one.close();
      this.#watched.delete(other);
    }
  }

  close(): void {
    for (const watchers of this.#watched.values()) for (const one of watchers) one.close();
    this.#merged?.close();
  }
}

const keyOf = (components: Components): string => components.map((name) => name.toString('latin1')).join('/');
