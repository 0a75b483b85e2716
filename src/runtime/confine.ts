import { AT, O } from '../kernel/constants.ts';
import { type Struct, slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { sessionSteps, stdioSteps } from '../security/stdio.ts';
import { keyringSteps, privilegeSteps, rlimitSteps } from '../security/steps.ts';
import type { Stdio } from '../security/types.ts';
import type { Process } from '../spec/oci.ts';
import { commandCandidates } from './command.ts';

export interface Confinement {
  /** Names the session keyring. */
  id: string;
  command: Process;
  stdio: Stdio;
  /** --init: the slot `reaper` holds a sealed copy of the reaper, which becomes PID 1. */
  init: boolean;
}

const DEFAULT_UMASK = 0o022;
const FD_INIT = 3;
const LAST_FD = 0xffffffff;

/** Descriptors go first: no path below can lead through one of them (CVE-2024-21626). */
function closeSteps(init: boolean): Step[] {
  if (!init)
    return [step('close_range', { first: 3, last: LAST_FD, flags: 0 }, 'nothing above standard error goes in')];
  return [
    step('dup3', { oldfd: slot('reaper'), newfd: FD_INIT, flags: O.O_CLOEXEC }, 'the sealed copy of the reaper'),
    step(
      'close_range',
      { first: FD_INIT + 1, last: LAST_FD, flags: 0 },
      'nothing above it goes in; the exec closes it too',
    ),
  ];
}

function workingDirectorySteps(cwd: string): Step[] {
  return [
    step('chdir', { path: cwd }, 'the working directory'),
    step('check_cwd', {}, 'make sure that it is inside: getcwd(2) must not say "(unreachable)"'),
  ];
}

const NO_SIGNALS: Struct = { bytes: Buffer.alloc(8), shown: '[]' };
const SIG_SETMASK = 2;

/** `exec` unblocks the signals itself, as the last thing before it; here it takes a step of its own. */
function reaperSteps(command: Process): Step[] {
  const candidates = commandCandidates(command);
  // Without a candidate the reaper would take the name as a path: the empty one is never there.
  const argv = [
    '/sbin/tsrun-init',
    'init',
    ...(candidates.length > 0 ? candidates : ['']),
    '--',
    ...(command.args ?? []),
  ];
  const how = { how: SIG_SETMASK, set: NO_SIGNALS, oldset: null, sigsetsize: 8 };
  return [
    step('rt_sigprocmask', how, 'no signal stays blocked'),
    step(
      'execveat',
      { dirfd: FD_INIT, pathname: '', argv, envp: command.env ?? [], flags: AT.AT_EMPTY_PATH },
      'the reaper as PID 1, from a sealed copy: no handle on a program of the host',
    ),
  ];
}

/**
 * The one way into a container, for its PID 1 and for every exec: what is inherited goes, then directories, then privileges.
 * The caller is in the container's namespaces and root already; what it clones from here on is as confined as it is.
 */
export function confine({ id, command, stdio, init }: Confinement): Step[] {
  return [
    ...rlimitSteps(command),
    ...keyringSteps(id),
    ...stdioSteps(stdio, command.user.uid),
    ...closeSteps(init),
    step(
      'umask',
      { mask: command.user.umask ?? DEFAULT_UMASK },
      'files are made with the usual mode, whatever the caller’s was',
    ),
    ...workingDirectorySteps(command.cwd),
    ...privilegeSteps(command),
  ];
}

/** And then the command itself. */
export function becomeCommand({ command, stdio, init }: Confinement): Step[] {
  const candidates = commandCandidates(command);
  const exec = step('exec', { candidates, argv: command.args ?? [], envp: command.env ?? [] }, 'the command');
  return [...sessionSteps(stdio), ...(init ? reaperSteps(command) : [exec])];
}
