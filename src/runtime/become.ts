import { FD_CHILD } from '../kernel/abi.ts';
import { F } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';

/** Descriptors are first moved out of the way of the numbers that they are going to have. */
const OUT_OF_THE_WAY = 64;
const LAST_FD = 0xffffffff;

/**
 * Puts descriptors at the numbers of a role of the monitor (native/abi.h), closes the others and becomes that role.
 * @param placed slot → number; the numbers are from 3 on, without gaps a role would not expect
 */
export function becomeSteps(
  monitor: string,
  args: readonly string[],
  placed: Readonly<Record<string, number>>,
): Step[] {
  const names = Object.keys(placed);
  const highest = Math.max(FD_CHILD - 1, ...Object.values(placed));
  return [
    ...names.map((name) =>
      step(
        'fcntl',
        { fd: slot(name), cmd: F.F_DUPFD, arg: OUT_OF_THE_WAY },
        `keep ${name} clear of the numbers below`,
        { save: `${name}'` },
      ),
    ),
    ...names.map((name) =>
      step(
        'dup3',
        { oldfd: slot(`${name}'`), newfd: placed[name]!, flags: 0 },
        `${name}, where the monitor expects it`,
      ),
    ),
    step('close_range', { first: highest + 1, last: LAST_FD, flags: 0 }, 'nothing else is inherited'),
    step(
      'execve',
      { pathname: monitor, argv: ['tsrun-monitor', ...args], envp: [] },
      'the static monitor takes over, with no environment',
    ),
  ];
}
