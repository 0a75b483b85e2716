import { Command } from 'commander';
import { usageError } from '../engine/options/usage-error.ts';
import { planRun } from '../engine/run.ts';
import { planToJson, renderPlan } from '../plan/render.ts';
import { RUN_ONLY_FLAGS, readClientFlags } from './client-flags.ts';
import { engineFrom, flagContext } from './context.ts';
import { withDockerWords } from './docker-words.ts';
import { addFlags } from './flags.ts';
import { escapeControl } from './format/escape-control.ts';
import { withPlanFlag } from './plan-flag.ts';
import { print } from './report.ts';
import { type AllRunFlags, run } from './run.ts';
import { addRunFlags, readRunFlags } from './run-flags.ts';

type Flags = AllRunFlags & { plan?: string };

export function runCommand(): Command {
  return withDockerWords(withPlanFlag(addFlags(addRunFlags(new Command('run')), RUN_ONLY_FLAGS)))
    .description('run a command in a new container')
    .argument('<rootfs>', 'the root directory; it is never written to')
    .argument('[command...]', 'the command and its arguments')
    .option('--plan [format]', 'print every step and why, and do nothing; --plan=json for programs')
    .action((rootfs: string, command: string[], _flags: unknown, self: Command) => {
      const flags: Flags = self.optsWithGlobals();
      return flags.plan === undefined ? run(rootfs, command, flags) : printPlan(rootfs, command, flags, flags.plan);
    });
}

function printPlan(rootfs: string, command: string[], flags: Flags, format: string): void {
  const options = readRunFlags(flags, rootfs, command, flagContext());
  if (format !== 'text' && format !== 'json')
    throw usageError(`invalid argument "${format}" for "--plan" flag: it is text or json`);
  const attached = flags.detach
    ? { detached: true, interactive: false }
    : { interactive: options.interactive, relay: readClientFlags(flags) };
  const steps = planRun(engineFrom(flags), options, attached);
  print(
    format === 'json'
      ? `${JSON.stringify(planToJson(steps), null, 2)}\n`
      : `${renderPlan(steps).map(escapeControl).join('\n')}\n`,
  );
}
