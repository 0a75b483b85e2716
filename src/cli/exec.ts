import { closeSync } from 'node:fs';
import { execInContainer } from '../engine/exec.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { readClientFlags } from './client-flags.ts';
import { engineFrom, flagContext, requireRoot } from './context.ts';
import { type ExecFlags, readExecFlags } from './exec-flags.ts';
import type { GlobalFlags } from './flags.ts';
import { attachment } from './terminal.ts';
import { startUninterrupted } from './uninterrupted.ts';

/** Nothing else runs here, and a turn of the event loop costs more than the whole start; but ^C waits for as long. */
const BLOCKING_MS = 100;

/** Runs another command in a running container, and becomes its relay unless it is detached. */
export async function exec(container: string, command: string[], flags: ExecFlags & GlobalFlags): Promise<void> {
  const goal = `exec ${container}`;
  const options = readExecFlags(flags, container, command, flagContext());
  const { detachKeys } = readClientFlags(flags);
  requireRoot(goal);
  const engine = engineFrom(flags);
  const stop = new AbortController();
  const attached = options.detach ? { interactive: false } : attachment(goal, options);
  const connected = await startUninterrupted(
    () => execInContainer(engine, options, { ...attached, blockingMs: BLOCKING_MS, stop: stop.signal }),
    () => stop.abort(),
  );
  if (options.detach) closeSync(connected.control);
  else becomeRelay(goal, connected, { detachKeys });
}
