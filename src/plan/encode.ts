import { TsrunError } from '../errors/tsrun-error.ts';
import { ARG, ERR_ANY, OP, OPCODE, TAPE, TAPE_NO_SLOT } from '../kernel/abi.ts';
import { ERRNO } from '../kernel/constants.ts';
import { type Argument, register, type SlotRef } from './arguments.ts';
import { flagsOf } from './replaced.ts';
import { ANY, type Expected, type Step } from './step.ts';
import { type CallName, type CloneArguments, parametersOf } from './step-types.ts';
import { Tape } from './tape.ts';

export type { Tape };

// Plans are encoded once or twice a start, before V8 knows or has compiled anything of this. Then for…of, destructured arrays, spread,
// Object.entries, closures and objects made for each step are what takes the time: hence the plain loops.

function countOps(steps: readonly Step[]): number {
  let count = steps.length;
  for (let i = 0; i < steps.length; i++) {
    const one = steps[i]!;
    if (one.name === 'clone') count += countOps((one.args as CloneArguments).child);
  }
  return count;
}

/** Ops in the order they lie on the tape: a clone's child behind all that has a place already. */
function writeRun(tape: Tape, steps: readonly Step[]): number {
  const start = tape.placeRun(steps.length);
  const open = new Set<string>();
  for (let i = 0; i < steps.length; i++) writeOp(tape, start + i * OP.bytes, steps[i]!, open);
  return start;
}

function writeOp(tape: Tape, at: number, step: Step, open: Set<string>): void {
  tape.words[(at + OP.step) >> 2] = tape.stepCount++;
  const kinds = step.name === 'clone' ? writeClone(tape, at, step.args as CloneArguments) : writeCall(tape, at, step);
  const { bytes, words } = tape;
  words[(at + OP.kinds) >> 2] = kinds;
  words[(at + OP.code) >> 2] = opcodeOf(step);
  bytes[at + OP.save] = step.save === undefined ? TAPE_NO_SLOT : tape.slotNumber(step.save);
  if (step.thenSkip !== undefined) bytes[at + OP.okSkip] = step.thenSkip;
  if (step.expect !== undefined) writeExpected(bytes, at, step.name, step.expect);
  bytes[at + OP.flags] = flagsOf(step, open);
}

function opcodeOf(step: Step): number {
  return step.name === 'clone' && (step.args as CloneArguments).apart ? OPCODE.clone_apart : OPCODE[step.name];
}

/** Returns the kinds of the registers. */
function writeCall(tape: Tape, at: number, step: Step): number {
  const parameters = parametersOf(step.name as CallName);
  const values = step.args as unknown as Record<string, Argument>;
  const count = parameters.length;
  let kinds = 0;
  for (let i = 0, where = (at + OP.args) >> 2; i < count; i++, where += 2) {
    let value = values[parameters[i]![0]]!;
    if (value === 0) continue; // as the tape is
    if (typeof value !== 'number') {
      value = register(value, tape);
      kinds |= tape.kind << (i * 4);
    }
    // tape.long is not called for what most of them are: a start that makes V8's compilers work on it is over before it has the result.
    if (typeof value === 'number' && value >= -0x80000000 && value <= 0xffffffff) {
      tape.words[where] = value;
      if (value < 0) tape.words[where + 1] = -1;
    } else tape.long(value, where << 2);
  }
  return kinds;
}

function writeClone(tape: Tape, at: number, args: CloneArguments): number {
  const registers = at + OP.args;
  tape.long(args.flags, registers);
  tape.long(writeRun(tape, args.child), registers + 8);
  tape.long(args.child.length, registers + 16);
  tape.long(slotOrNone(tape, args.cgroup), registers + 24);
  tape.long(slotOrNone(tape, args.pidfd), registers + 32);
  return ARG.imm;
}

function slotOrNone(tape: Tape, ref: SlotRef | null): number {
  return ref === null ? TAPE_NO_SLOT : tape.slotNumber(ref.slot);
}

function writeExpected(bytes: Buffer, at: number, name: string, expect: Expected): void {
  let count = 0;
  for (const code in expect) {
    if (count === 2) throw new TsrunError('internal', `encode plan: ${name} expects more than two errnos`);
    const errno = errnoNumber(code);
    const field = at + (count === 0 ? OP.err1 : OP.err2);
    bytes[field] = errno;
    bytes[field + 1] = errno >> 8;
    bytes[at + (count === 0 ? OP.skip1 : OP.skip2)] = expect[code]!;
    count += 1;
  }
}

function errnoNumber(name: string): number {
  const value = name === ANY ? ERR_ANY : (ERRNO as Record<string, number>)[name];
  if (value === undefined) throw new TsrunError('internal', `encode plan: unknown errno ${name}`);
  return value;
}

/** Values that slots have before the first step: the caller's descriptors, by the names that the steps use. */
export type Given = Readonly<Record<string, number>>;

/** Turns steps into the flat buffer that the player plays (native/abi.h draws it). */
export function encode(steps: readonly Step[], given?: Given): Tape {
  return write(steps, given, true) ?? write(steps, given, false)!;
}

/** Undefined: a text was not ASCII. */
function write(steps: readonly Step[], given: Given | undefined, ascii: boolean): Tape | undefined {
  const tape = new Tape(steps, countOps(steps), ascii);
  writeRun(tape, steps);
  for (const name in given) tape.long(given[name]!, TAPE.slots + tape.slotNumber(name) * 8);
  return tape.finish(steps.length) ? tape : undefined;
}
