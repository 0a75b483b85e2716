import { readSync } from 'node:fs';
import { calledOff, TsrunError } from '../errors/tsrun-error.ts';
import { TAPE } from '../kernel/abi.ts';
import { CONTROL, JOB_ATTACHED } from '../kernel/protocol.ts';
import { encode, type Tape } from '../plan/encode.ts';
import { play, readPlayed, throwBlame } from '../plan/play.ts';
import type { Step } from '../plan/step.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { killAndReap, killEntering } from './abandon.ts';
import { openDescriptors } from './descriptors.ts';
import { type EnterFacts, enterPlaces, enterPlan, startEnterPlan } from './enter-plan.ts';
import { firstWord, type Patience } from './first-word.ts';
import { writeJob } from './job.ts';
import { type Connected, receiveTerminal } from './launch.ts';
import { direct, lacksStream } from './wiring.ts';

/** The exit code for a container that does not run. */
const NOT_RUNNING = 126;

/** Another process in a running container. `interactive`: the caller feeds its input. */
export interface EnterRequest extends EnterFacts, Patience {
  /** pidfd of the container's PID 1. */
  target: number;
  interactive: boolean;
  /** What the monitor does once the command has ended. */
  after: readonly Step[];
}

/**
 * Starts a command in a running container: returns when it has been executed. What fails leaves no process.
 * @throws SyscallError of the step that failed; exitCode 126 or 127 when the command is to blame
 * @throws TsrunError 'system' with code ETIMEDOUT or ECANCELED
 */
export async function enter(goal: string, spec: Spec, command: Process, request: EnterRequest): Promise<Connected> {
  const descriptors = openDescriptors(goal, direct(request.stdio), {
    reaper: true,
    null: lacksStream(request.stdio),
  });
  const { control } = descriptors.ends;
  let monitor: number | undefined;
  let word: Awaited<ReturnType<typeof firstWord>> = 'late';
  try {
    const given = { ...descriptors.given, target: request.target };
    const places = enterPlaces(given);
    const tape = encode(enterPlan(spec, command, request), places);
    const at = writeJob(descriptors.job, {
      after: encode(request.after),
      enter: { tape, pid: 'pid', pidfd: 'pidfd' },
      flags: request.stdio.kind === 'null' ? 0 : JOB_ATTACHED,
    });
    monitor = play(goal, startEnterPlan(places), given).value('monitor');
    descriptors.closeTheirControl();
    word = await firstWord(control, request);
    const pid = pidOf(goal, word, request, () => readBack(descriptors.job, tape, at));
    const connected = receiveTerminal(goal, descriptors.ends);
    descriptors.closeTheirs();
    return { ...connected, interactive: request.interactive, monitored: false, pid, monitor, launchNs: 0 };
  } catch (error) {
    // With a first word it keeps its command, or is at its end; else it is still entering.
    const entering = word === 'late' || word === 'stopped';
    if (monitor !== undefined && !entering) killAndReap({ control, monitor }, descriptors.closeStreams);
    descriptors.closeAll();
    if (monitor !== undefined && entering) await killEntering(monitor);
    throw error;
  }
}

/** The tape as the monitor left it: its header says which step failed. */
function readBack(job: number, tape: Tape, at: number): Tape {
  readSync(job, tape.bytes, 0, tape.bytes.length, at);
  return tape;
}

/** Who enters is in the container's cgroup from its birth: killed with it, it leaves no pid of a command, and no error but that. */
function wasKilled(tape: Tape): boolean {
  const failed = tape.steps[tape.bytes.readInt32LE(TAPE.failedStep)];
  return failed?.name === 'pidfd_open' && readPlayed(tape).value('pid') === 0;
}

export function endedBefore(goal: string): TsrunError {
  return new TsrunError('conflict', `${goal}: the container ended before the command was executed`, {
    exitCode: NOT_RUNNING,
  });
}

/** What the monitor's first word means. */
function pidOf(
  goal: string,
  message: Awaited<ReturnType<typeof firstWord>>,
  patience: Patience,
  playedTape: () => Tape,
): number {
  if (message === 'late')
    throw new TsrunError('system', `${goal}: the command was not executed within ${patience.patienceMs} ms`, {
      code: 'ETIMEDOUT',
      hint: 'a process in the container may have stopped it (kill -STOP); `tsrun rm -f` ends them all',
    });
  if (message === 'stopped') throw calledOff(goal);
  if (message?.type === CONTROL.started) return message.value;
  if (message?.type === CONTROL.failed) {
    const tape = playedTape();
    if (wasKilled(tape)) throw endedBefore(goal);
    throwBlame(goal, tape, -message.value);
  }
  throw new TsrunError('internal', `${goal}: the monitor ended without a word`, { hint: 'was it killed? try again' });
}
