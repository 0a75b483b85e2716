import { TsrunError } from '../errors/tsrun-error.ts';
import type { Engine } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { type ListedContainer, listContainers } from './list.ts';
import { removeContainer } from './remove.ts';
import { isUp } from './status.ts';
import { upperSize } from './upper-size.ts';

export interface Pruned {
  /** Ids of what was removed. */
  removed: string[];
  /** Bytes that their upper layers had on the disk. */
  reclaimed: number;
  /** Why one that should have gone is still there. */
  failed: unknown[];
}

/** Removes every container that is not up and that `matches`. One that is started meanwhile stays, and that is no failure. */
export async function pruneContainers(
  engine: Engine,
  matches: (container: ListedContainer) => boolean,
): Promise<Pruned> {
  const pruned: Pruned = { removed: [], reclaimed: 0, failed: [] };
  for (const container of listContainers(engine).containers) {
    if (isUp(container.status) || !matches(container)) continue;
    const size = upperSize(engine, container.record);
    try {
      pruned.removed.push(await removeContainer(engine, container.id));
      pruned.reclaimed += size;
    } catch (error) {
      const cause = error instanceof TsrunError ? error.kind : undefined;
      if (cause !== 'conflict' && cause !== 'not-found') pruned.failed.push(error);
    }
  }
  recordEvent(engine, undefined, 'prune', { reclaimed: String(pruned.reclaimed) });
  return pruned;
}
