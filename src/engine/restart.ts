import type { Engine } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { findContainer } from './find.ts';
import { startContainer } from './start.ts';
import type { Started } from './start-bundle.ts';
import { type StopOptions, stopContainer } from './stop.ts';

/**
 * `tsrun restart`: stops it as `stop` does if it runs, and starts it, detached. One with --rm stays for that. Nobody is kept from doing
 * something to it in between: then that is said.
 */
export async function restartContainer(engine: Engine, reference: string, options: StopOptions): Promise<Started> {
  const { id } = findContainer(engine, reference);
  await stopContainer(engine, id, { ...options, keep: true, goal: `restart ${reference}` });
  const record = findContainer(engine, id);
  const started = await startContainer(engine, record, { detached: true, interactive: false });
  recordEvent(engine, record, 'restart');
  return started;
}
