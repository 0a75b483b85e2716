import type { Command } from 'commander';
import { usageError } from '../engine/options/usage-error.ts';
import { planRun, runContainer } from '../engine/run.ts';
import { CAPABILITY_NAMES, capabilityNames } from '../kernel/capabilities.ts';
import { boundingSet } from '../kernel/procfs.ts';
import { planToJson, renderPlan } from '../plan/render.ts';
import { becomeRelay } from '../runtime/relay.ts';
import { engineFrom, flagContext, type GlobalFlags, requireRoot, warn } from './context.ts';
import { escapeControl } from './format/escape-control.ts';
import { withPlanFlag } from './plan-flag.ts';
import { print } from './report.ts';
import { addRunFlags, type RunFlags, readRunFlags } from './run-flags.ts';
import { type Mentioned, SparingCommand } from './sparing.ts';
import { attachment } from './terminal.ts';
import { startUninterrupted } from './uninterrupted.ts';

interface PlanFlag {
  plan?: string;
}

export function runCommand(mentioned?: Mentioned): Command {
  return withPlanFlag(addRunFlags(new SparingCommand('run', mentioned)))
    .description('run a command in a new container')
    .argument('<rootfs>', 'the root directory; it is never written to')
    .argument('[command...]', 'the command and its arguments')
    .option('--plan [format]', 'print every step and why, and do nothing; --plan=json for programs')
    .action((rootfs: string, command: string[], _flags: unknown, self: Command) =>
      run(rootfs, command, self.optsWithGlobals()),
    );
}

async function run(rootfs: string, command: string[], flags: RunFlags & GlobalFlags & PlanFlag): Promise<void> {
  const options = readRunFlags(flags, rootfs, command, flagContext());
  const goal = `run ${rootfs}`;
  const engine = engineFrom(flags);
  if (flags.plan !== undefined) {
    if (flags.plan !== 'text' && flags.plan !== 'json')
      throw usageError(`invalid argument "${flags.plan}" for "--plan" flag: it is text or json`);
    const steps = planRun(engine, options, { interactive: options.interactive, relay: true });
    print(
      flags.plan === 'json'
        ? `${JSON.stringify(planToJson(steps), null, 2)}\n`
        : `${renderPlan(steps).map(escapeControl).join('\n')}\n`,
    );
    return;
  }
  requireRoot(goal);
  if (options.privileged) sayWhatPrivilegedLacks();
  process.env.UV_THREADPOOL_SIZE ??= '1'; // one plan is played beside us: three threads less to make
  const attached = { ...attachment(goal, options), relay: true };
  becomeRelay(goal, await startUninterrupted(() => runContainer(engine, options, attached)));
}

/** Nobody can hand on what they do not have: privileged means every capability that we hold. */
function sayWhatPrivilegedLacks(): void {
  const held = capabilityNames(boundingSet());
  const lacking = CAPABILITY_NAMES.filter((name) => !held.includes(name));
  if (lacking.length > 0)
    warn(`--privileged: the container gets every capability of this process, which lacks ${lacking.join(', ')}`);
}
