import { readFileSync, writeFileSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { type Step, step } from '../plan/step.ts';
import type { CgroupLayout, Hierarchy } from './types.ts';

const PATIENCE_MS = 2_000;
const LOOK_EVERY_MS = 2;

/** What stops all processes of a cgroup: a file to write into, and one that says when it is done. */
interface Freezer {
  directory: string;
  file: string;
  frozen: string;
  thawed: string;
  isFrozen(): boolean;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    rethrowShortage(error, path);
    return undefined;
  }
};

const hasFreezer = ({ version, controllers }: Hierarchy): boolean => version === 2 || controllers.includes('freezer');

function freezerOf({ mountPoint, version }: Hierarchy, path: string): Freezer {
  const directory = `${mountPoint}${path}`;
  return version === 2
    ? {
        directory,
        file: `${directory}/cgroup.freeze`,
        frozen: '1',
        thawed: '0',
        isFrozen: () => read(`${directory}/cgroup.events`)?.includes('frozen 1') ?? false,
      }
    : {
        directory,
        file: `${directory}/freezer.state`,
        frozen: 'FROZEN',
        thawed: 'THAWED',
        isFrozen: () => read(`${directory}/freezer.state`) === 'FROZEN\n',
      };
}

/** v2 first: what is frozen there can still be killed. */
function freezersOf(layout: CgroupLayout, path: string): Freezer[] {
  return layout.hierarchies
    .filter(hasFreezer)
    .toSorted((a, b) => b.version - a.version)
    .map((hierarchy) => freezerOf(hierarchy, path));
}

/** For a monitor: EAGAIN while the processes of the cgroup stand still. */
export function checkThawedSteps(layout: CgroupLayout, path: string): Step[] {
  return freezersOf(layout, path).map(({ file }) =>
    step('check_thawed', { pathname: file }, 'who enters would freeze, too'),
  );
}

/** All its processes stand still: since `freeze`, or because somebody else froze it. */
export function isFrozen(layout: CgroupLayout, path: string): boolean {
  return freezersOf(layout, path).some((freezer) => freezer.isFrozen());
}

/**
 * Stops all processes of the cgroup and of those below it. On v1 one that sleeps in the kernel may hold that up, and is asked again.
 * @throws TsrunError 'unsupported' without a freezer, 'system' when it does not come about; then they run on
 */
export async function freeze(layout: CgroupLayout, path: string, goal: string): Promise<void> {
  const freezer = freezersOf(layout, path).find(({ file }) => read(file) !== undefined);
  if (freezer === undefined)
    throw new TsrunError('unsupported', `${goal}: its cgroup has no freezer`, {
      hint: 'mount the freezer controller of cgroup v1, or cgroup v2',
    });
  const deadline = monotonicMs() + PATIENCE_MS;
  set(freezer, freezer.frozen, goal);
  while (!freezer.isFrozen()) {
    if (monotonicMs() > deadline) {
      set(freezer, freezer.thawed, goal);
      throw new TsrunError('system', `${goal}: ${freezer.file}: its processes do not stop`, { code: 'EBUSY' });
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    set(freezer, freezer.frozen, goal);
  }
}

/** Lets them run again, in whichever hierarchy they were stopped. */
export function thaw(layout: CgroupLayout, path: string, goal: string): void {
  for (const freezer of freezersOf(layout, path)) set(freezer, freezer.thawed, goal);
}

function set({ file }: Freezer, value: string, goal: string): void {
  try {
    writeFileSync(file, value, { flag: 'r+' });
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV') return; // it has just ended; or did when the file was open already
    throw new SyscallError(goal, {
      errno: -(errno ?? 0),
      syscall: 'write',
      call: `write(${JSON.stringify(file)}, ${JSON.stringify(value)})`,
    });
  }
}
