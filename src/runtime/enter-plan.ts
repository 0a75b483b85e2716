import { attachSteps, openUnifiedSteps } from '../cgroup/steps.ts';
import type { CgroupLayout } from '../cgroup/types.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { AT, CLONE, O } from '../kernel/constants.ts';
import { FD_CONTROL, FD_JOB } from '../kernel/protocol.ts';
import { namespaceFlags } from '../namespace/steps.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { terminalSteps, type WindowSize } from '../rootfs/terminal.ts';
import { oomScoreSteps } from '../security/steps.ts';
import type { Stdio } from '../security/types.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { becomeSteps } from './become.ts';
import { becomeCommand, confine } from './confine.ts';

export interface EnterFacts {
  id: string;
  cgroups: CgroupLayout;
  cgroupPath: string;
  stdio: Stdio;
  size?: WindowSize | undefined;
  /** What is to be written down of it once it has been executed; slot: `pid`. */
  recordSteps: readonly Step[];
}

/**
 * What `tsrun-monitor enter` plays: nsenter, by pidfd, into every namespace of the container, and the same confinement as PID 1's.
 *
 * A process that is born in the container's PID namespace can be seen by what runs there, and with CAP_SYS_PTRACE be stopped, looked
 * into and written to. So a first child does everything, still in the host's PID namespace: it enters, opens, closes and drops. Only
 * then it clones the one that will be the command: with nothing open but 0, 1 and 2, the container's root, its own copy of the memory
 * and no more privileges than the command has (CVE-2016-9962, CVE-2022-29162). That one is a sibling of the first, which ends.
 * Slots given: `target`, a pidfd of the container's PID 1, and those of Stdio.
 */
export function enterPlan(spec: Spec, command: Process, facts: EnterFacts): Step[] {
  const unified = openUnifiedSteps(facts.cgroups, facts.cgroupPath);
  const cgroup = unified.length > 0 ? slot('cgroup') : null;
  const child = firstChildSteps(namespaceFlags(spec), command, facts);
  return [
    ...unified,
    step('clone', { flags: 0, child, cgroup, pidfd: null }, 'a first child: it enters, unseen', { save: 'first' }),
    step('waitid', { idtype: P_PID, id: slot('first'), infop: null, options: WEXITED }, 'it has done its part'),
    step('pidfd_open', { pid: slot('pid'), flags: 0 }, 'the command, a child of ours that nobody else can wait for', {
      save: 'pidfd',
    }),
    ...facts.recordSteps,
  ];
}

const P_PID = 1;
const WEXITED = 4;

function firstChildSteps(namespaces: number, command: Process, facts: EnterFacts): Step[] {
  const confinement = { id: facts.id, command, stdio: facts.stdio, init: false };
  return [
    ...oomScoreSteps(command),
    ...attachSteps(facts.cgroups, facts.cgroupPath),
    step(
      'setns',
      { fd: slot('target'), nstype: namespaces },
      'enter all its namespaces at once; the mount namespace brings its root, the PID namespace is for children (Linux 5.8)',
    ),
    step(
      'openat',
      { dirfd: AT.AT_FDCWD, pathname: '/', flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 },
      'the container’s root, as a descriptor',
      { save: 'root' },
    ),
    ...terminal(facts),
    ...confine(confinement),
    step(
      'clone',
      { flags: CLONE.CLONE_PARENT, apart: true, child: becomeCommand(confinement), cgroup: null, pidfd: null },
      'the process that becomes the command, in the container’s PID namespace',
      { save: 'pid' },
    ),
    step('exit', { status: 0 }, 'done'),
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
const PLACES = { target: 10, stdin: 11, stdout: 12, stderr: 13, launcher: 14, null: 9 };

/** The slots of the enter plan, for the descriptors that this launcher really has. */
export function enterPlaces(given: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(PLACES).filter(([name]) => given[name] !== undefined));
}

/**
 * Starts `tsrun-monitor enter`, which plays the job's enter tape by itself. From a sealed copy: for a moment /proc/PID/exe of what it
 * clones is seen inside, and must not lead to a file of the host (CVE-2019-5736). The slot `reaper` holds the copy.
 * @param opening what it opens by itself, of what the enter plan needs
 */
export function startEnterPlan(places: Readonly<Record<string, number>>, opening: readonly Step[] = []): Step[] {
  const child = [
    ...opening,
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
