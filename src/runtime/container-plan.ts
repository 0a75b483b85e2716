import { mountCgroupSteps } from '../cgroup/mount.ts';
import { attachSteps } from '../cgroup/steps.ts';
import type { CgroupLayout } from '../cgroup/types.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { cgroupNamespaceSteps, hasNewNamespace, hostnameSteps, joinSteps } from '../namespace/steps.ts';
import { sysctlSteps } from '../namespace/sysctl.ts';
import { loopbackSteps } from '../network/steps.ts';
import { slot, withoutRoot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { deviceSteps, isFreshDev } from '../rootfs/devices.ts';
import { maskedPathSteps, readonlyPathSteps } from '../rootfs/masked-paths.ts';
import { mountSteps, openSharedSteps, sharedTrees } from '../rootfs/mounts.ts';
import {
  bindRootSteps,
  finishRootSteps,
  hasPeers,
  openRootSteps,
  overlaySteps,
  pivotSteps,
  propagationSteps,
} from '../rootfs/root.ts';
import { consoleMountSteps, openPtsSteps, terminalSteps, type WindowSize } from '../rootfs/terminal.ts';
import type { Overlay, SourceKind } from '../rootfs/types.ts';
import { oomScoreSteps } from '../security/steps.ts';
import type { Stdio } from '../security/types.ts';
import type { Mount, Process, Spec } from '../spec/oci.ts';
import { becomeCommand, confine } from './confine.ts';
import type { LogSettings } from './job.ts';
import type { Client } from './wiring.ts';

/** Directories on the host. */
export interface MonitorPlaces {
  /** The container's, for its log. */
  directory: string;
  /** Of the run, for the socket. */
  run: string;
  log: LogSettings;
}

/** All that a start needs to know beyond config.json. The launcher's descriptors come in named slots. */
export interface ContainerFacts {
  id: string;
  /** Absolute path of the directory that the root is mounted on. */
  rootPath: string;
  overlay: Overlay | undefined;
  cgroups: CgroupLayout;
  cgroupPath: string;
  sourceKind: SourceKind;
  stdio: Stdio;
  /** Which of its streams the client that starts it carries. */
  client: Client;
  /** With a terminal: the size of the caller's window. */
  size?: WindowSize | undefined;
  /** --init */
  init: boolean;
  /** Where the monitor keeps what it owns. */
  monitor: MonitorPlaces;
  /** Its monitor may start it again. */
  restarts: boolean;
  /** It has a health check. */
  checked: boolean;
  /** What is written down as soon as PID 1 executes its command; slot: `pid`. */
  recordSteps: readonly Step[];
}

/** What the container's PID 1 does between its birth and its command: the table of contents of a start. */
export function containerPlan(spec: Spec, command: Process, facts: ContainerFacts): Step[] {
  const confinement = { id: facts.id, command, stdio: facts.stdio, init: facts.init };
  const shared = sharedTrees(spec);
  return [
    step('umask', { mask: 0 }, 'the modes below are meant as they are written'),
    ...oomScoreSteps(command),
    ...attachSteps(facts.cgroups, facts.cgroupPath),
    ...joinSteps(spec),
    ...cgroupNamespaceSteps(spec),
    ...openSharedSteps(shared),
    ...propagationSteps(spec),
    ...rootSteps(facts),
    ...allMountSteps(spec, facts, shared),
    ...consoleSteps(facts),
    ...sysctlSteps(spec),
    ...maskedPathSteps(spec),
    ...readonlyPathSteps(spec),
    ...workingDirectorySteps(command),
    ...pivotSteps(),
    ...finishRootSteps(spec),
    ...hostnameSteps(spec),
    ...(hasNewNamespace(spec, 'network') ? loopbackSteps() : []),
    ...confine(confinement),
    ...becomeCommand(confinement),
  ];
}

function rootSteps({ rootPath, overlay }: ContainerFacts): Step[] {
  return [...(overlay ? overlaySteps(rootPath, overlay) : bindRootSteps(rootPath)), ...openRootSteps(rootPath)];
}

function allMountSteps(
  spec: Spec,
  { cgroups, cgroupPath, sourceKind }: ContainerFacts,
  shared: ReadonlyMap<Mount, string>,
): Step[] {
  const facts = { sourceKind, allPrivate: !hasPeers(spec), sharedTrees: shared };
  const own = hasNewNamespace(spec, 'cgroup') ? undefined : cgroupPath;
  return (spec.mounts ?? []).flatMap((mount) => {
    if (mount.type === 'cgroup' || mount.type === 'cgroup2') return mountCgroupSteps(cgroups, mount, own);
    return [...mountSteps(mount, facts), ...(isFreshDev(mount) ? deviceSteps(spec) : [])];
  });
}

function consoleSteps({ stdio, size }: ContainerFacts): Step[] {
  return stdio.kind === 'terminal' ? [...openPtsSteps(), ...terminalSteps(size), ...consoleMountSteps()] : [];
}

/** Docker makes a working directory that is not there. Made now, while the root is a descriptor; entered later, as a path inside. */
function workingDirectorySteps(command: Process): Step[] {
  const path = withoutRoot(command.cwd);
  if (path === '') return [];
  return [
    step(
      'in_root',
      { root: slot('root'), path, want: IN_ROOT.makeDir },
      'the working directory, made if it is not there',
      { save: 'workdir' },
    ),
  ];
}
