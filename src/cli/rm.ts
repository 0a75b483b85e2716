import { removeContainer } from '../engine/remove.ts';
import { engineFrom, requireRoot } from './context.ts';
import { forEach } from './each.ts';
import type { Flag, GlobalFlags } from './flags.ts';

export interface RmFlags extends GlobalFlags {
  force?: boolean;
}

export const RM_FLAGS: readonly Flag[] = [['-f, --force', 'kill what runs first, and remove what is damaged']];

/** Removes containers, one after the other. */
export async function rm(references: string[], flags: RmFlags): Promise<void> {
  requireRoot(`rm ${references[0]}`);
  const engine = engineFrom(flags);
  const force = flags.force ?? false;
  await forEach(references, (reference) => removeContainer(engine, reference, { force }));
}
