import { IOCTL } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { pipesOf, type Stdio } from './types.ts';

const STREAMS = ['stdin', 'stdout', 'stderr'];

/** What is no pipe is the null device, and proven to be it (CVE-2025-31133's class). */
function checkNullSteps(stdio: Stdio): Step[] {
  if (pipesOf(stdio).length === STREAMS.length) return [];
  return [step('check_device', { fd: slot('null'), major: 1, minor: 3 }, 'make sure that it is the null device')];
}

function terminalSteps(): Step[] {
  return [
    ...STREAMS.map((name, newfd) =>
      step('dup3', { oldfd: slot('terminal'), newfd, flags: 0 }, `${name}: the terminal`),
    ),
  ];
}

function pipeSteps(stdio: Stdio): Step[] {
  const pipes = pipesOf(stdio);
  return [
    ...checkNullSteps(stdio),
    ...STREAMS.map((name, newfd) =>
      pipes.includes(newfd)
        ? step('dup3', { oldfd: slot(name), newfd, flags: 0 }, name)
        : step('dup3', { oldfd: slot('null'), newfd, flags: 0 }, `${name}: the null device`),
    ),
  ];
}

/** 0, 1 and 2 of the command: never the caller's own (CVE-2017-5226: input pushed into a shared terminal). */
export function stdioSteps(stdio: Stdio, uid: number): Step[] {
  const steps = stdio.kind === 'terminal' ? terminalSteps() : pipeSteps(stdio);
  if (uid === 0) return steps;
  // Or the user could not open /dev/stdout. The null device stays root's, as it is elsewhere.
  const own = stdio.kind === 'terminal' ? [0, 1, 2] : pipesOf(stdio);
  return [...steps, ...own.map((fd) => step('fchown', { fd, owner: uid, group: -1 }, 'it belongs to the user'))];
}

/** A session without the caller's terminal; with a terminal of its own, that is the one that controls it. */
export function sessionSteps(stdio: Stdio): Step[] {
  const session = step('setsid', {}, 'a session of its own: no terminal of the caller’s');
  if (stdio.kind !== 'terminal') return [session];
  return [session, step('ioctl', { fd: 0, request: IOCTL.TIOCSCTTY, arg: 0 }, 'the terminal controls this session')];
}
