import { SyscallError } from '../errors/syscall-error.ts';
import { TAPE } from '../kernel/abi.ts';
import { playTape, playTapeAsync, playTapeBeside } from '../kernel/library.ts';
import type { Struct } from './arguments.ts';
import { blame } from './blame.ts';
import { encode, type Given, type Tape } from './encode.ts';
import type { Step } from './step.ts';

/** What a played plan left behind. */
export interface Played {
  /** A descriptor, pid or other number that a step saved. */
  value(slot: string): number;
  /** What the kernel wrote into a struct of the plan. */
  bytes(struct: Struct): Buffer;
  /** From the first call to the last, ns of CLOCK_MONOTONIC; clones count until they executed. */
  readonly durationNs: number;
}

/** Reads when asked: most plays are asked for a slot or nothing. */
class ReadTape implements Played {
  readonly #tape: Tape;

  constructor(tape: Tape) {
    this.#tape = tape;
  }
  value(slot: string): number {
    const number = this.#tape.slotOf(slot);
    return number === undefined ? -1 : Number(this.#tape.bytes.readBigInt64LE(TAPE.slots + number * 8));
  }
  bytes(struct: Struct): Buffer {
    const offset = this.#tape.offsetOf(struct);
    return offset === undefined ? struct.bytes : this.#tape.bytes.subarray(offset, offset + struct.bytes.length);
  }
  get durationNs(): number {
    const { bytes } = this.#tape;
    return Number(bytes.readBigUInt64LE(TAPE.finishedNs) - bytes.readBigUInt64LE(TAPE.startedNs));
  }
}

export function readPlayed(tape: Tape): Played {
  return new ReadTape(tape);
}

/** Throws the SyscallError of the step that failed, if one did. */
export function throwBlame(goal: string, tape: Tape, result: number): void {
  const { bytes } = tape;
  const failed = bytes.readInt32LE(TAPE.failedStep);
  if (failed >= 0)
    throw blame(goal, tape.steps[failed], bytes.readInt32LE(TAPE.failedErrno), bytes.readUInt32LE(TAPE.failedDetail));
  if (result < 0) throw new SyscallError(goal, { errno: -result, syscall: 'tsrun_play', call: 'tsrun_play(tape)' });
}

/** Told of every plan before it is played: the debug log. */
export type Tracer = (goal: string, steps: readonly Step[]) => void;
let tracer: Tracer | undefined;
export function tracePlans(trace: Tracer | undefined): void {
  tracer = trace;
}

/**
 * Plays steps in this process, one after the other, and stops at the first that fails.
 * @throws SyscallError that names the goal, the call with its arguments, the errno and a hint.
 */
export function play(goal: string, steps: readonly Step[], given?: Given): Played {
  tracer?.(goal, steps);
  const tape = encode(steps, given);
  throwBlame(goal, tape, playTape(tape.bytes));
  return readPlayed(tape);
}

/**
 * The same for steps whose work is in the caller's hands even when a later one fails. `done` counts steps of plans without clones.
 * @param before runs when all is ready for the first step
 */
export function playSome(
  goal: string,
  steps: readonly Step[],
  given?: Given,
  before?: () => void,
): { played: Played; done: number; error?: unknown } {
  tracer?.(goal, steps);
  const tape = encode(steps, given);
  before?.();
  const result = playTape(tape.bytes);
  const played = readPlayed(tape);
  try {
    throwBlame(goal, tape, result);
    return { played, done: steps.length };
  } catch (error) {
    return { played, done: Math.max(0, tape.bytes.readInt32LE(TAPE.failedStep)), error };
  }
}

/** Tapes that a thread may be playing: their memory is not JavaScript's to give back. */
const playing = new Set<Tape>();

/**
 * Plays steps on a thread beside while this one goes on. Never steps that clone.
 * @returns what waits for their end and throws what failed; it may be called again. It needs no event loop, and no thread either: when
 * none could be had, the steps are played here and now.
 */
export function playBeside(goal: string, steps: readonly Step[]): () => void {
  tracer?.(goal, steps);
  const tape = encode(steps);
  playing.add(tape);
  playTapeBeside(tape.bytes);
  let result: number | undefined;
  return () => {
    result ??= playTape(tape.bytes);
    playing.delete(tape);
    throwBlame(goal, tape, result);
  };
}

/** The same on a thread of libuv's pool, for steps that wait. */
export async function playAsync(goal: string, steps: readonly Step[], given?: Given): Promise<Played> {
  tracer?.(goal, steps);
  const tape = encode(steps, given);
  throwBlame(goal, tape, await playTapeAsync(tape.bytes));
  return readPlayed(tape);
}
