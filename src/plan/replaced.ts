import { OPF_IGNORE, OPF_REPLACE } from '../kernel/abi.ts';
import type { Step } from './step.ts';
import type { StepName } from './step-types.ts';

/** Steps whose result is a new descriptor, and nothing else. */
const OPENS: ReadonlySet<StepName> = new Set<StepName>([
  'openat',
  'in_root',
  'open_tree',
  'fsopen',
  'fsmount',
  'memfd_create',
  'pidfd_open',
  'socket',
  'recv_fd',
]);

/**
 * Steps of one run that save a descriptor where an earlier one of the same run has saved one: that is closed then, or hundreds of
 * volumes would need hundreds of descriptors. What a run of its own inherits, a clone's child from its parent, is not touched.
 */
export function replacing(steps: readonly Step[]): ReadonlySet<Step> {
  const result = new Set<Step>();
  const open = new Set<string>();
  for (const one of steps) {
    if (one.name === 'close') closed(one as Step<'close'>, open);
    if (one.save === undefined) continue;
    if (!OPENS.has(one.name)) open.delete(one.save);
    else if (open.has(one.save)) result.add(one);
    else open.add(one.save);
  }
  return result;
}

function closed({ args: { fd } }: Step<'close'>, open: Set<string>): void {
  if (typeof fd === 'object') open.delete(fd.slot);
}

/** OPF_* of a step. */
export function flagsOf(step: Step, replaced: ReadonlySet<Step>): number {
  return (step.ignoreErrors ? OPF_IGNORE : 0) | (replaced.has(step) ? OPF_REPLACE : 0);
}
