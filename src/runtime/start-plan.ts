import { makeCgroupSteps } from '../cgroup/steps.ts';
import { type Step, step } from '../plan/step.ts';
import type { Process, Spec } from '../spec/oci.ts';
import type { ContainerFacts } from './container-plan.ts';
import { monitorPlan } from './monitor-plan.ts';

/**
 * A start, whole: the cgroups; a child that is to be the monitor; its child, the container's PID 1, which plays the container plan
 * and executes the command; then the first child becomes the monitor. Slots given: `job`, `control`, `lock`, those of the wiring
 * (descriptors.ts throughMonitor) and those of ContainerFacts.
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
