import { FD_CHILD, FD_PROBE, FD_REAPER, JOB_ATTACHED } from '../kernel/protocol.ts';
import { slot } from '../plan/arguments.ts';
import { encode } from '../plan/encode.ts';
import { play } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { nullDevice } from '../rootfs/null-device.ts';
import type { Stdio } from '../security/types.ts';
import type { Process, Spec } from '../spec/oci.ts';
import type { ContainerFacts } from './container-plan.ts';
import { enterPlaces, enterPlan, startEnterPlan } from './enter-plan.ts';
import { type HealthJob, type HealthSettings, writeJob } from './job.ts';

const F_ADD_SEALS = 1033;
const ALL_SEALS = 0xf;
const NOT_YET = -1;

/** A health check, for the monitor. */
export interface HealthRequest {
  settings: HealthSettings;
  /** What is executed inside. */
  command: Process;
  /** Fails while the container stands still. */
  thawed: readonly Step[];
  /** Tell who asks. */
  healthy: readonly Step[];
  unhealthy: readonly Step[];
}

/** Its output goes to the monitor, its input is the null device. */
const STDIO: Stdio = { kind: 'pipes', interactive: false };

/** Where the monitor has what each check needs; the others are its own to open. */
const GIVEN = {
  reaper: FD_REAPER,
  job: FD_PROBE,
  target: FD_CHILD,
  control: NOT_YET,
  stdout: NOT_YET,
  stderr: NOT_YET,
};

/**
 * Writes the job of who enters the container for a check, the same each time, and seals it: what one leaves there would be the next
 * one's. @returns what the container's monitor does for each check
 */
export function writeProbe(
  goal: string,
  fd: number,
  spec: Spec,
  { id, cgroups, cgroupPath }: ContainerFacts,
  { command, settings, thawed, healthy, unhealthy }: HealthRequest,
): HealthJob {
  const places = enterPlaces({ ...GIVEN, null: NOT_YET });
  const plan = enterPlan(spec, command, { id, cgroups, cgroupPath, stdio: STDIO, recordSteps: [] });
  writeJob(fd, { enter: { tape: encode(plan, places), pid: 'pid', pidfd: 'pidfd' }, flags: JOB_ATTACHED });
  play(goal, [step('fcntl', { fd: slot('probe'), cmd: F_ADD_SEALS, arg: ALL_SEALS }, 'seal it')], { probe: fd });
  return {
    settings,
    probe: encode(startEnterPlan(places, nullDevice()), GIVEN),
    thawed: encode(thawed),
    healthy: encode(healthy),
    unhealthy: encode(unhealthy),
  };
}
