import { filterDevicesSteps, makeCgroupSteps, openUnifiedSteps } from '../cgroup/steps.ts';
import { FD_CHILD, FD_CONTROL, FD_JOB, FD_LOCK } from '../kernel/abi.ts';
import { cloneFlags } from '../namespace/steps.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { becomeSteps } from './become.ts';
import { type ContainerFacts, containerPlan } from './container-plan.ts';

/**
 * A start, whole: the cgroups; a child that is to be the monitor; its child, the container's PID 1, which plays the container plan
 * and executes the command; then the first child becomes the monitor. Slots given: `job`, `control`, `lock`, and those of ContainerFacts.
 */
export function startPlan(spec: Spec, command: Process, facts: ContainerFacts, monitor: string): Step[] {
  return [...makeCgroupSteps(facts.cgroups, facts.cgroupPath, spec), birthStep(spec, command, facts, monitor)];
}

/** The same where the cgroups are made already. */
export function birthStep(spec: Spec, command: Process, facts: ContainerFacts, monitor: string): Step {
  return step(
    'clone',
    { flags: 0, child: monitorPlan(spec, command, facts, monitor), cgroup: null, pidfd: null },
    'the monitor-to-be: it outlives the command line',
    { save: 'monitor' },
  );
}

function monitorPlan(spec: Spec, command: Process, facts: ContainerFacts, monitor: string): Step[] {
  const unified = openUnifiedSteps(facts.cgroups, facts.cgroupPath);
  const cgroup = unified.length > 0 ? slot('cgroup') : null;
  return [
    step('setsid', {}, 'a session of its own: no signal of the caller’s terminal reaches it'),
    step('chdir', { path: '/' }, 'it keeps no directory busy'),
    ...filterDevicesSteps(facts.cgroups, facts.cgroupPath, spec),
    ...unified,
    step(
      'clone',
      { flags: cloneFlags(spec), child: containerPlan(spec, command, facts), cgroup, pidfd: slot('pidfd') },
      'PID 1 of the container, in namespaces of its own',
      { save: 'pid' },
    ),
    ...facts.recordSteps,
    ...becomeSteps({ path: monitor }, ['keep'], { job: FD_JOB, control: FD_CONTROL, pidfd: FD_CHILD, lock: FD_LOCK }),
  ];
}
