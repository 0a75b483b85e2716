import { closeSync } from 'node:fs';
import { monitorPath } from '../kernel/library.ts';
import { FD_REAPER, JOB_ATTACHED, JOB_FED, JOB_INPUT, JOB_TERMINAL } from '../kernel/protocol.ts';
import { slot } from '../plan/arguments.ts';
import { encode } from '../plan/encode.ts';
import { play, playSome } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { hasOwnNull } from '../rootfs/devices.ts';
import { pipesOf } from '../security/types.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { killAndReap } from './abandon.ts';
import type { ContainerFacts } from './container-plan.ts';
import { type Ends, openDescriptors } from './descriptors.ts';
import { type HealthRequest, writeProbe } from './health-plan.ts';
import { type RestartJob, writeJob } from './job.ts';
import { againPlan } from './monitor-plan.ts';
import { type ClientManners, relayPlan, relaySlots } from './relay.ts';
import { birthStep, startPlan } from './start-plan.ts';
import { lacksStream, STREAMS, throughMonitor } from './wiring.ts';

const NOT_YET = -1;

/** A process in a container, and the caller's ends of what connects it. All descriptors are close-on-exec. */
export interface Connected {
  /** In the caller's PID namespace. */
  pid: number;
  /** The monitor, a child of the caller's: to be reaped when it has reported the end. */
  monitor: number;
  /** Control socket to the monitor (native/protocol.h). */
  control: number;
  /** Bytes of the terminal, both ways: a container's is a socket, an exec'ed process's the master itself; or the pipes. */
  terminal?: number;
  stdin?: number;
  stdout?: number;
  stderr?: number;
  /** Whether the caller feeds standard input. */
  interactive: boolean;
  /** The container's own monitor, which knows all of the protocol, is at the other end of control. */
  monitored: boolean;
  /** From the first call of the plan to the command's exec, ns. */
  launchNs: number;
}

/** Takes an exec'ed process's terminal from the socket that it was sent through. */
export function receiveTerminal(
  goal: string,
  ends: Ends,
): Omit<Connected, 'pid' | 'monitor' | 'launchNs' | 'interactive' | 'monitored'> {
  const { launcher, ...rest } = ends;
  if (launcher === undefined) return rest;
  const received = play(
    goal,
    [step('recv_fd', { socket: slot('launcher') }, 'our end of the container’s terminal', { save: 'terminal' })],
    { launcher },
  );
  closeSync(launcher);
  return { ...rest, terminal: received.value('terminal') };
}

/** RESTART_*; `retries` 0: no end of it. */
export interface RestartRequest {
  policy: number;
  retries: number;
  /** What is written down when it has been started again; slot: `pid`. */
  recordSteps: readonly Step[];
  /** What the monitor does when it is not started again. */
  leave: readonly Step[];
}

/** What a launch needs besides the plan's facts. */
export interface LaunchRequest {
  spec: Spec;
  command: Process;
  facts: ContainerFacts;
  /** What the monitor does once the container has ended: exit record, clean-up. */
  after: readonly Step[];
  /** When it has a restart policy. */
  restart?: RestartRequest | undefined;
  /** When it has a health check. */
  health?: HealthRequest | undefined;
  /** A descriptor that the monitor keeps until it has cleaned up. */
  lock: number;
  /** This process becomes the container's relay, with these manners: `launch` returns only what failed. */
  relay: ClientManners | undefined;
  /** The cgroups, and whatever else is needed, are being made beside: waits for them. Without it the plan makes the cgroups. */
  made?: (() => void) | undefined;
}

/** From the plan's first step to the last that anybody of ours takes before the container ends. */
export function wholePlan({ spec, command, facts, relay, made }: Omit<LaunchRequest, 'after' | 'lock'>): Step[] {
  const start = made
    ? [birthStep(spec, command, facts, monitorPath())]
    : startPlan(spec, command, facts, monitorPath());
  if (relay === undefined) return start;
  const terminal = facts.stdio.kind === 'terminal';
  const carried = { terminal, interactive: facts.client.fed, monitored: true, manners: relay };
  const check = step('check_signals', {}, 'one that came meanwhile ends what was begun');
  return [...start, check, ...relayPlan(carried)];
}

/**
 * Starts a container: returns when its command has been executed.
 * @throws SyscallError of the step that failed; then no process is left, but the cgroups are: `undo` is the caller's
 */
export function launch(goal: string, request: LaunchRequest): Connected {
  const { spec, facts, after, lock } = request;
  const descriptors = openDescriptors(goal, throughMonitor(facts.stdio, facts.client), {
    reaper: facts.init || facts.checked,
    probe: facts.checked,
    null: lacksStream(facts.stdio) && !hasOwnNull(spec),
  });
  let monitor = 0;
  try {
    const restart = request.restart && restartJob(request, request.restart);
    const { probe } = descriptors.given;
    const health =
      request.health && probe !== undefined ? writeProbe(goal, probe, spec, facts, request.health) : undefined;
    writeJob(descriptors.job, {
      after: encode(after),
      flags: jobFlags(facts),
      log: facts.monitor.log,
      restart,
      health,
    });
    const slots = { ...descriptors.given, ...relaySlots(descriptors.ends), lock };
    const { played, error } = playSome(goal, wholePlan(request), slots, request.made);
    monitor = played.value('monitor');
    if (error !== undefined) throw error;
    descriptors.closeTheirs();
    return {
      ...descriptors.ends,
      interactive: facts.client.fed,
      monitored: true,
      pid: played.value('pid'),
      monitor,
      launchNs: played.durationNs,
    };
  } catch (error) {
    if (monitor > 0) killAndReap({ control: descriptors.ends.control, monitor }, descriptors.closeStreams);
    descriptors.closeAll();
    throw error;
  }
}

/** The streams are there only when it is played: their slots are the monitor's to fill. */
function restartJob({ spec, command, facts }: LaunchRequest, request: RestartRequest): RestartJob {
  const { policy, retries, recordSteps, leave } = request;
  const streams = facts.stdio.kind === 'terminal' ? ['launcher'] : pipesOf(facts.stdio).map((fd) => STREAMS[fd]!);
  const given = Object.fromEntries(streams.map((name) => [name, NOT_YET]));
  const again = encode(againPlan(spec, command, facts, recordSteps), { ...given, reaper: FD_REAPER });
  return { policy, retries, again, leave: encode(leave) };
}

function jobFlags({ stdio, client }: ContainerFacts): number {
  const terminal = stdio.kind === 'terminal';
  return (
    (terminal ? JOB_TERMINAL : 0) |
    (terminal || pipesOf(stdio).includes(0) ? JOB_INPUT : 0) |
    (client.attached ? JOB_ATTACHED : 0) |
    (client.fed ? JOB_FED : 0)
  );
}
