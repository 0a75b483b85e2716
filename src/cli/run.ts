import { closeSync } from 'node:fs';
import { runContainer } from '../engine/run.ts';
import { CAPABILITY_NAMES, capabilityNames } from '../kernel/capabilities.ts';
import { boundingSet } from '../kernel/procfs.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { type ClientFlags, readClientFlags } from './client-flags.ts';
import { engineFrom, flagContext, requireRoot } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { print, warn } from './report.ts';
import { type RunFlags, readRunFlags } from './run-flags.ts';
import { attachment } from './terminal.ts';
import { startUninterrupted } from './uninterrupted.ts';

export type AllRunFlags = RunFlags & ClientFlags & GlobalFlags & { detach?: boolean };

/** Runs a command in a new container, and becomes its relay unless it is detached. */
export async function run(rootfs: string, command: string[], flags: AllRunFlags): Promise<void> {
  const options = readRunFlags(flags, rootfs, command, flagContext());
  const manners = readClientFlags(flags);
  const goal = `run ${rootfs}`;
  const engine = engineFrom(flags);
  requireRoot(goal);
  if (options.privileged) sayWhatPrivilegedLacks();
  process.env.UV_THREADPOOL_SIZE ??= '1'; // one plan is played beside us: three threads less to make
  const attached = flags.detach
    ? { detached: true, interactive: false }
    : { ...attachment(goal, options), relay: manners };
  const started = await startUninterrupted(() => runContainer(engine, options, attached));
  if (!flags.detach) becomeRelay(goal, started, manners);
  closeSync(started.control);
  print(`${started.id}\n`);
}

/** Nobody can hand on what they do not have: privileged means every capability that we hold. */
function sayWhatPrivilegedLacks(): void {
  const held = capabilityNames(boundingSet());
  const lacking = CAPABILITY_NAMES.filter((name) => !held.includes(name));
  if (lacking.length > 0)
    warn(`--privileged: the container gets every capability of this process, which lacks ${lacking.join(', ')}`);
}
