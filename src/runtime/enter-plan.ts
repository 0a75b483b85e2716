import { attachSteps, openUnifiedSteps } from '../cgroup/steps.ts';
import type { CgroupLayout } from '../cgroup/types.ts';
import { FD_CONTROL, FD_JOB, IN_ROOT } from '../kernel/abi.ts';
import { AT, CLONE, O } from '../kernel/constants.ts';
import { namespaceFlags } from '../namespace/steps.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { terminalSteps, type WindowSize } from '../rootfs/terminal.ts';
import { oomScoreSteps } from '../security/steps.ts';
import type { Stdio } from '../security/types.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { becomeSteps } from './become.ts';
import { confine } from './confine.ts';

export interface EnterFacts {
  id: string;
  cgroups: CgroupLayout;
  cgroupPath: string;
  stdio: Stdio;
  size?: WindowSize | undefined;
}

/**
 * What `tsrun-monitor enter` plays: nsenter, by pidfd, into every namespace of the container, then the same confinement as PID 1's.
 * Played by that small, non-dumpable program and not by Node: a process inside could look into whoever shares memory with what
 * enters (CVE-2016-9962). Slots given: `target`, a pidfd of the container's PID 1, and those of Stdio.
 */
export function enterPlan(spec: Spec, command: Process, facts: EnterFacts): Step[] {
  const flags = namespaceFlags(spec);
  const unified = openUnifiedSteps(facts.cgroups, facts.cgroupPath);
  const pidNamespace = flags & CLONE.CLONE_NEWPID;
  return [
    ...unified,
    ...(pidNamespace
      ? [
          step(
            'setns',
            { fd: slot('target'), nstype: pidNamespace },
            'children are born in the container’s PID namespace',
          ),
        ]
      : []),
    step(
      'clone',
      {
        flags: 0,
        child: [...closeSteps(unified.length > 0), ...enteredSteps(flags & ~CLONE.CLONE_NEWPID, command, facts)],
        cgroup: unified.length > 0 ? slot('cgroup') : null,
        pidfd: slot('pidfd'),
      },
      'the process that enters',
      { save: 'pid' },
    ),
  ];
}

/** First of all: a directory of the host's must not be open in a process that can be seen inside. */
function closeSteps(born: boolean): Step[] {
  return born ? [step('close', { fd: slot('cgroup') }, 'a directory of the host’s: not to be taken inside')] : [];
}

function enteredSteps(flags: number, command: Process, facts: EnterFacts): Step[] {
  return [
    step('setsid', {}, 'a session of its own: no terminal of the caller’s'),
    ...oomScoreSteps(command),
    ...attachSteps(facts.cgroups, facts.cgroupPath),
    step(
      'setns',
      { fd: slot('target'), nstype: flags },
      'enter all its other namespaces at once; the mount namespace brings its root (Linux 5.8)',
    ),
    step(
      'openat',
      { dirfd: AT.AT_FDCWD, pathname: '/', flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 },
      'the container’s root, as a descriptor',
      { save: 'root' },
    ),
    ...terminal(facts),
    ...confine({ id: facts.id, command, stdio: facts.stdio, init: false }),
  ];
}

function terminal({ stdio, size }: EnterFacts): Step[] {
  if (stdio.kind !== 'terminal') return [];
  return [
    step(
      'in_root',
      { root: slot('root'), path: 'dev/pts', want: IN_ROOT.directory | IN_ROOT.noSymlinks },
      'the container’s devpts',
      { save: 'pts' },
    ),
    ...terminalSteps(size),
  ];
}

/** Where `tsrun-monitor enter` finds what the enter plan needs. */
const PLACES = { target: 10, stdin: 11, stdout: 12, stderr: 13, launcher: 14 };

/** The slots of the enter plan, for the descriptors that this launcher really has. */
export function enterPlaces(given: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(PLACES).filter(([name]) => given[name] !== undefined));
}

/**
 * Starts `tsrun-monitor enter`, which plays the job's enter tape by itself. From a sealed copy: for a moment /proc/PID/exe of what it
 * clones is seen inside, and must not lead to a file of the host (CVE-2019-5736). The slot `reaper` holds the copy.
 */
export function startEnterPlan(places: Readonly<Record<string, number>>): Step[] {
  const child = [
    step('setsid', {}, 'a session of its own: no signal of the caller’s terminal reaches it'),
    step('chdir', { path: '/' }, 'it keeps no directory busy'),
    ...becomeSteps({ sealed: 'reaper' }, ['enter'], { job: FD_JOB, control: FD_CONTROL, ...places }),
  ];
  return [
    step('clone', { flags: 0, child, cgroup: null, pidfd: null }, 'the monitor of the new process', {
      save: 'monitor',
    }),
  ];
}
