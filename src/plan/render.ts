import { CLONE, flagNames } from '../kernel/constants.ts';
import { printed } from './printers.ts';
import type { Step } from './step.ts';
import type { CloneArguments } from './step-types.ts';

/** The call with its arguments, as strace(1) prints it. */
export const renderCall = (step: Step): string => render(step, false);

/** The same for a message: long lists are cut. */
export const renderBriefly = (step: Step): string => render(step, true);

function render(step: Step, brief: boolean): string {
  if (step.name === 'clone') {
    const args = step.args as CloneArguments;
    // The first ones are the player's own (native/clone.c).
    const flags = [`${args.apart ? '' : 'CLONE_VM|'}CLONE_VFORK|CLONE_PIDFD|CLONE_CLEAR_SIGHAND`];
    if (args.flags !== 0) flags.push(flagNames(args.flags, CLONE));
    if (args.cgroup) flags.push('CLONE_INTO_CGROUP');
    const fields = [
      `flags=${flags.join('|')}`,
      ...(args.pidfd ? [`pidfd=&${args.pidfd.slot}`] : []),
      ...(args.cgroup ? [`cgroup=${args.cgroup.slot}`] : []),
      `exit_signal=${args.flags & CLONE.CLONE_PARENT ? '0' : 'SIGCHLD'}`,
    ];
    return `clone3({${fields.join(', ')}})`;
  }
  const shown = printed(step, brief).map(([, argument]) => argument);
  return `${step.name}(${shown.join(', ')})`;
}

function outcome(step: Step): string {
  const parts: string[] = [];
  if (step.save !== undefined) parts.push(` = ${step.save}`);
  for (const [errno, skip] of Object.entries(step.expect ?? {}))
    parts.push(skip === 0 ? ` [${errno}: go on]` : ` [${errno}: skip ${skip}]`);
  if (step.thenSkip) parts.push(` [then skip ${step.thenSkip}]`);
  if (step.ignoreErrors) parts.push(' [errors ignored]');
  return parts.join('');
}

/** One line a step; what a clone's child plays is indented beneath it. */
export function renderPlan(steps: readonly Step[], indent = ''): string[] {
  return steps.flatMap((step) => {
    const line = `${indent}${renderCall(step)}${outcome(step)}  # ${step.why}`;
    return step.name === 'clone' ? [line, ...renderPlan((step.args as CloneArguments).child, `${indent}  `)] : [line];
  });
}

export interface PlanJson {
  call: string;
  name: string;
  arguments: Record<string, string>;
  why: string;
  save?: string;
  expect?: Record<string, number>;
  thenSkip?: number;
  ignoreErrors?: boolean;
  child?: PlanJson[];
}

/** The plan for programs: `run --plan=json`. */
export function planToJson(steps: readonly Step[]): PlanJson[] {
  return steps.map((step) => {
    const { name, why, save, expect, thenSkip, ignoreErrors } = step;
    const optional = {
      ...(save ? { save } : {}),
      ...(expect ? { expect } : {}),
      ...(thenSkip ? { thenSkip } : {}),
      ...(ignoreErrors ? { ignoreErrors } : {}),
    };
    if (name === 'clone') {
      const args = step.args as CloneArguments;
      return {
        call: renderCall(step),
        name: 'clone3',
        arguments: {
          flags: flagNames(args.flags, CLONE),
          ...(args.pidfd ? { pidfd: args.pidfd.slot } : {}),
          ...(args.cgroup ? { cgroup: args.cgroup.slot } : {}),
        },
        why,
        ...optional,
        child: planToJson(args.child),
      };
    }
    const shown = Object.fromEntries(printed(step, false));
    return { call: renderCall(step), name, arguments: shown, why, ...optional };
  });
}
