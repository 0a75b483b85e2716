import { AT, F, O } from '../kernel/constants.ts';
import { FD_JOB } from '../kernel/protocol.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';

const LAST_FD = 0xffffffff;

/** Where a sealed copy is executed from; the exec closes it. */
const FD_COPY = 15;
/** Descriptors are first moved out of the way of the numbers that they are going to have. */
const outOfTheWay = (places: Readonly<Record<string, number>>): number =>
  Math.max(FD_COPY, ...Object.values(places)) + 1;

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
  const arg = outOfTheWay(places);
  return [
    ...names.map((name) =>
      step('fcntl', { fd: slot(name), cmd: F.F_DUPFD, arg }, `keep ${name} clear of the numbers below`, {
        save: `${name}'`,
      }),
    ),
    ...Object.entries(places).map(([name, newfd]) =>
      step(
        'dup3',
        { oldfd: slot(`${name}'`), newfd, flags: 'sealed' in program && name === program.sealed ? O.O_CLOEXEC : 0 },
        `${name}, where the monitor expects it`,
      ),
    ),
    ...gaps(Object.values(places)).map(([first, last]) =>
      step('close_range', { first, last, flags: 0 }, 'nothing else is inherited'),
    ),
    ...lastly,
    executeStep(program, ['tsrun-monitor', ...args]),
  ];
}

/** The numbers from the first place on that are none. */
function gaps(places: readonly number[]): [first: number, last: number][] {
  const found: [number, number][] = [];
  let free = FD_JOB;
  for (const place of [...places, LAST_FD + 1].toSorted((a, b) => a - b)) {
    if (place > free) found.push([free, place - 1]);
    free = place + 1;
  }
  return found;
}

function executeStep(program: MonitorProgram, argv: readonly string[]): Step {
  const why = 'the static monitor takes over, with no environment';
  if ('path' in program) return step('execve', { pathname: program.path, argv, envp: [] }, why);
  return step('execveat', { dirfd: FD_COPY, pathname: '', argv, envp: [], flags: AT.AT_EMPTY_PATH }, why);
}
