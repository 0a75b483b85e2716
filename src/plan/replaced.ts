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
 * Does a step of a run save a descriptor where an earlier one of the same run has saved one? That is closed then, or hundreds of
 * volumes would need hundreds of descriptors. What a run of its own inherits, a clone's child from its parent, is not touched.
 * @param open what the run has open, by the names of its slots: empty before its first step, and kept here
 */
export function replaces({ name, save, args }: Step, open: Set<string>): boolean {
  if (name === 'close') closed(args as Step<'close'>['args'], open);
  if (save === undefined) return false;
  if (!OPENS.has(name)) open.delete(save);
  else if (open.has(save)) return true;
  else open.add(save);
  return false;
}

function closed({ fd }: Step<'close'>['args'], open: Set<string>): void {
  if (typeof fd === 'object') open.delete(fd.slot);
}

/** OPF_* of a step; `open` as above. */
export function flagsOf(step: Step, open: Set<string>): number {
  return (step.ignoreErrors ? OPF_IGNORE : 0) | (replaces(step, open) ? OPF_REPLACE : 0);
}
