import { IOCTL } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Stdio } from './types.ts';

/** Without -i the command reads the null device, proven to be it (CVE-2025-31133's class). */
function checkInputSteps(stdio: Stdio): Step[] {
  if (stdio.kind === 'terminal' || stdio.interactive) return [];
  return [
    step(
      'check_device',
      { fd: slot('stdin'), major: 1, minor: 3 },
      'an empty standard input: make sure that it is the null device',
    ),
  ];
}

/** 0, 1 and 2 of the command: never the caller's own (CVE-2017-5226: input pushed into a shared terminal). */
export function stdioSteps(stdio: Stdio, uid: number): Step[] {
  const source = (stdio.kind === 'terminal' ? ['terminal', 'terminal', 'terminal'] : ['stdin', 'stdout', 'stderr']).map(
    slot,
  );
  const names = ['input', 'output', 'error'];
  const steps = [
    ...checkInputSteps(stdio),
    ...source.map((oldfd, newfd) => step('dup3', { oldfd, newfd, flags: 0 }, `standard ${names[newfd]}`)),
  ];
  if (stdio.kind === 'terminal') {
    steps.push(step('ioctl', { fd: 0, request: IOCTL.TIOCSCTTY, arg: 0 }, 'the terminal controls this session'));
  }
  if (uid !== 0) {
    // /dev/null stays root's; a pipe or a terminal must be the user's, or /dev/stdout cannot be opened.
    const own = stdio.kind === 'terminal' || stdio.interactive ? [0, 1, 2] : [1, 2];
    steps.push(
      ...own.map((fd) => step('fchown', { fd, owner: uid, group: -1 }, 'so that the user can open /dev/stdout')),
    );
  }
  return steps;
}
