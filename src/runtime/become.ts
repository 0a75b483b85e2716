import { FD_CHILD } from '../kernel/abi.ts';
import { AT, F, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';

const LAST_FD = 0xffffffff;

/** Where a sealed copy is executed from; the exec closes it. */
const FD_COPY = 15;
/** Descriptors are first moved out of the way of the numbers that they are going to have, the highest of which is FD_COPY. */
const OUT_OF_THE_WAY = FD_COPY + 1;

/** The static monitor on disk, or the slot of a sealed copy of it: what executes inside a container's sight must not lead to ours. */
export type MonitorProgram = { path: string } | { sealed: string };

/**
 * Puts descriptors at the numbers of a role of the monitor (native/abi.h), closes the others and becomes that role.
 * @param placed slot → number; the numbers are from 3 on
 * @param lastly what is done when all is in its place
 */
export function becomeSteps(
  program: MonitorProgram,
  args: readonly string[],
  placed: Readonly<Record<string, number>>,
  lastly: readonly Step[] = [],
): Step[] {
  const places = 'sealed' in program ? { ...placed, [program.sealed]: FD_COPY } : placed;
  const names = Object.keys(places);
  const highest = Math.max(FD_CHILD - 1, ...Object.values(places));
  return [
    ...names.map((name) =>
      step(
        'fcntl',
        { fd: slot(name), cmd: F.F_DUPFD, arg: OUT_OF_THE_WAY },
        `keep ${name} clear of the numbers below`,
        { save: `${name}'` },
      ),
    ),
    ...Object.entries(places).map(([name, newfd]) =>
      step(
        'dup3',
        { oldfd: slot(`${name}'`), newfd, flags: newfd === FD_COPY ? O.O_CLOEXEC : 0 },
        `${name}, where the monitor expects it`,
      ),
    ),
    step('close_range', { first: highest + 1, last: LAST_FD, flags: 0 }, 'nothing else is inherited'),
    ...lastly,
    executeStep(program, ['tsrun-monitor', ...args]),
  ];
}

function executeStep(program: MonitorProgram, argv: readonly string[]): Step {
  const why = 'the static monitor takes over, with no environment';
  if ('path' in program) return step('execve', { pathname: program.path, argv, envp: [] }, why);
  return step('execveat', { dirfd: FD_COPY, pathname: '', argv, envp: [], flags: AT.AT_EMPTY_PATH }, why);
}
