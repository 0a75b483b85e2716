import { readSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { CONTROL } from '../kernel/abi.ts';
import { encode, type Tape } from '../plan/encode.ts';
import { play, throwBlame } from '../plan/play.ts';
import type { Process, Spec } from '../spec/oci.ts';
import { killAndReap } from './abandon.ts';
import { openDescriptors, writeJob } from './descriptors.ts';
import { type EnterFacts, enterPlaces, enterPlan, startEnterPlan } from './enter-plan.ts';
import { type Connected, receiveTerminal } from './launch.ts';
import { nextMessageSync } from './relay.ts';

/** Another process in a running container. `interactive`: the caller feeds its input. */
export interface EnterRequest extends EnterFacts {
  /** pidfd of the container's PID 1. */
  target: number;
  interactive: boolean;
}

/**
 * Starts a command in a running container: returns when it has been executed.
 * @throws SyscallError of the step that failed; exitCode 126 or 127 when the command is to blame
 */
export function enter(goal: string, spec: Spec, command: Process, request: EnterRequest): Connected {
  const descriptors = openDescriptors(goal, request.stdio, { reaper: true, null: true });
  let monitor: number | undefined;
  try {
    const given = { ...descriptors.given, target: request.target };
    const places = enterPlaces(given);
    const tape = encode(enterPlan(spec, command, request), places);
    const at = writeJob(descriptors.job, undefined, { tape, pid: 'pid', pidfd: 'pidfd' });
    monitor = play(goal, startEnterPlan(places), given).value('monitor');
    const pid = waitUntilStarted(goal, descriptors.ends.control, () => readBack(descriptors.job, tape, at));
    const connected = receiveTerminal(goal, descriptors.ends);
    descriptors.closeTheirs();
    return { ...connected, interactive: request.interactive, pid, monitor, launchNs: 0 };
  } catch (error) {
    if (monitor !== undefined) killAndReap({ control: descriptors.ends.control, monitor });
    descriptors.closeAll();
    throw error;
  }
}

/** The tape as the monitor left it: its header says which step failed. */
function readBack(job: number, tape: Tape, at: number): Tape {
  readSync(job, tape.bytes, 0, tape.bytes.length, at);
  return tape;
}

function waitUntilStarted(goal: string, control: number, playedTape: () => Tape): number {
  const message = nextMessageSync(control);
  if (message?.type === CONTROL.started) return message.value;
  if (message?.type === CONTROL.failed) throwBlame(goal, playedTape(), -message.value);
  throw new TsrunError('internal', `${goal}: the monitor ended without a word`, { hint: 'was it killed? try again' });
}
