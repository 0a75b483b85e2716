import { filterDevicesSteps, makeCgroupSteps, openUnifiedSteps } from '../cgroup/steps.ts';
import { AF, AT, O, SOCK } from '../kernel/constants.ts';
import {
  FD_CHILD,
  FD_CLIENT_ERRORS,
  FD_CLIENT_INPUT,
  FD_CLIENT_OUTPUT,
  FD_CONTROL,
  FD_DIRECTORY,
  FD_JOB,
  FD_LISTENER,
  FD_LOCK,
  FD_PROBE,
  FD_REAPER,
  FD_STDERR,
  FD_STDIN,
  FD_STDOUT,
} from '../kernel/protocol.ts';
import { cloneFlags } from '../namespace/steps.ts';
import { slot } from '../plan/arguments.ts';
import { closeOpened } from '../plan/close-opened.ts';
import { type Step, step } from '../plan/step.ts';
import { hasOwnNull } from '../rootfs/devices.ts';
import { nullDevice } from '../rootfs/null-device.ts';
import { pipesOf } from '../security/types.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { becomeSteps } from './become.ts';
import { type ContainerFacts, containerPlan, type MonitorPlaces } from './container-plan.ts';
import { clients, kept, lacksStream } from './wiring.ts';

/** The name of a container's socket in the directory of its run. */
export const SOCKET_NAME = 'monitor.sock';
/** Connections that wait to be accepted. */
const BACKLOG = 128;

/** What the monitor-to-be does between its birth and its exec. Slots given: those of startPlan. */
export function monitorPlan(spec: Spec, command: Process, facts: ContainerFacts, monitor: string): Step[] {
  const unified = openUnifiedSteps(facts.cgroups, facts.cgroupPath);
  const cgroup = unified.length > 0 ? slot('cgroup') : null;
  return [
    step('setsid', {}, 'a session of its own: no signal of the caller’s terminal reaches it'),
    step('chdir', { path: '/' }, 'it keeps no directory busy'),
    ...filterDevicesSteps(facts.cgroups, facts.cgroupPath, spec),
    ...unified,
    ...listenSteps(facts.monitor),
    step(
      'clone',
      { flags: cloneFlags(spec), child: containerPlan(spec, command, facts), cgroup, pidfd: slot('pidfd') },
      'PID 1 of the container, in namespaces of its own',
      { save: 'pid' },
    ),
    ...facts.recordSteps,
    ...receiveTerminalSteps(facts),
    ...becomeSteps({ path: monitor }, ['keep'], placesOf(facts)),
  ];
}

/**
 * A start of the same container by its monitor, when it has ended. Slots given: those of Stdio, `reaper`. The socket is there.
 */
export function againPlan(spec: Spec, command: Process, facts: ContainerFacts, recordSteps: readonly Step[]): Step[] {
  const unified = openUnifiedSteps(facts.cgroups, facts.cgroupPath);
  const cgroup = unified.length > 0 ? slot('cgroup') : null;
  const opening = [
    // New ones: Linux 6.14 to 6.18 at least kills whoever is born into a cgroup that cgroup.kill has been written to, ever.
    ...makeCgroupSteps(facts.cgroups, facts.cgroupPath, spec),
    ...filterDevicesSteps(facts.cgroups, facts.cgroupPath, spec),
    ...unified,
    ...(lacksStream(facts.stdio) && !hasOwnNull(spec) ? nullDevice() : []),
  ];
  return [
    ...opening,
    step(
      'clone',
      { flags: cloneFlags(spec), child: containerPlan(spec, command, facts), cgroup, pidfd: slot('pidfd') },
      'PID 1 once more',
      { save: 'pid' },
    ),
    ...closeOpened(opening),
    ...recordSteps,
  ];
}

/** Who attaches or waits later connects here. */
function listenSteps({ directory, run }: MonitorPlaces): Step[] {
  const open = (pathname: string, save: string, why: string) =>
    step('openat', { dirfd: AT.AT_FDCWD, pathname, flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 }, why, {
      save,
    });
  const type = SOCK.SOCK_STREAM | SOCK.SOCK_NONBLOCK | SOCK.SOCK_CLOEXEC;
  return [
    open(directory, 'directory', 'where its log is'),
    open(run, 'run', 'where its socket is'),
    step('socket', { domain: AF.AF_UNIX, type, protocol: 0 }, 'for those who attach', { save: 'listener' }),
    step('bind_at', { socket: slot('listener'), dirfd: slot('run'), name: SOCKET_NAME }, 'under this name'),
    step('listen', { sockfd: slot('listener'), backlog: BACKLOG }, 'they may come'),
  ];
}

function receiveTerminalSteps({ stdio }: ContainerFacts): Step[] {
  if (stdio.kind !== 'terminal') return [];
  return [
    step('recv_fd', { socket: slot(kept('launcher')) }, 'our end of the container’s terminal', { save: 'master' }),
  ];
}

function placesOf({ stdio, client, init, restarts, checked }: ContainerFacts): Record<string, number> {
  const places: Record<string, number> = {
    job: FD_JOB,
    control: FD_CONTROL,
    pidfd: FD_CHILD,
    lock: FD_LOCK,
    listener: FD_LISTENER,
    directory: FD_DIRECTORY,
    ...((init && restarts) || checked ? { reaper: FD_REAPER } : {}),
    ...(checked ? { probe: FD_PROBE } : {}),
  };
  if (stdio.kind === 'terminal') {
    places.master = FD_STDIN;
    if (client.attached) places[clients('terminal')] = FD_CLIENT_INPUT;
    return places;
  }
  if (pipesOf(stdio).includes(0)) places[kept('stdin')] = FD_STDIN;
  places[kept('stdout')] = FD_STDOUT;
  places[kept('stderr')] = FD_STDERR;
  if (client.fed) places[clients('stdin')] = FD_CLIENT_INPUT;
  if (client.attached) places[clients('stdout')] = FD_CLIENT_OUTPUT;
  if (client.attached) places[clients('stderr')] = FD_CLIENT_ERRORS;
  return places;
}
