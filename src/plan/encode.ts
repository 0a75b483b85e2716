import { TsrunError } from '../errors/tsrun-error.ts';
import {
  ARG,
  ERR_ANY,
  OP,
  OPCODE,
  SLOT_FINISHED,
  SLOT_FIRST_FREE,
  SLOT_STATUS,
  TAPE,
  TAPE_MAGIC,
  TAPE_NO_SLOT,
  TAPE_SLOTS,
  TAPE_VERSION,
} from '../kernel/abi.ts';
import { ERRNO } from '../kernel/constants.ts';
import type { DataSink, Register, Struct } from './arguments.ts';
import { flagsOf, replacing } from './replaced.ts';
import { ANY, flatten, type Step } from './step.ts';
import { type CloneArguments, parametersOf } from './step-types.ts';

/** A tape and what is needed to read it back. */
export interface Tape {
  readonly bytes: Buffer;
  /** The steps by the numbers that the player reports. */
  readonly steps: readonly Step[];
  slotOf(name: string): number | undefined;
  /** Where a struct lies in `bytes`, to read what the kernel wrote there. */
  offsetOf(struct: Struct): number | undefined;
}

const FIRST_ROOM = 16 * 1024;
/** Of UTF-8, for one UTF-16 code unit. */
const MOST_BYTES = 3;

/** Gathers the data of a tape: strings, structs and pointer lists, each 8-byte aligned. */
class Data implements DataSink {
  #bytes = Buffer.alloc(FIRST_ROOM);
  readonly #texts = new Map<string, number>();
  readonly #slots = new Map<string, number>([
    ['status', SLOT_STATUS],
    ['finished', SLOT_FINISHED],
  ]);
  readonly structs = new Map<Struct, number>();
  /** [offset of the pointer, offset of what it points to], both in the data. */
  readonly relocs: [number, number][] = [];
  size = 0;

  slotNumber(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const next = this.#slots.size - 2 + SLOT_FIRST_FREE;
    if (next >= TAPE_SLOTS) throw new TsrunError('internal', `encode plan: more than ${TAPE_SLOTS} slots at ${name}`);
    this.#slots.set(name, next);
    return next;
  }
  slotOf(name: string): number | undefined {
    return this.#slots.get(name);
  }
  /** Makes room for that many bytes, zeroed. */
  #reserve(size: number): void {
    if (this.size + size <= this.#bytes.length) return;
    const larger = Buffer.alloc(2 * this.#bytes.length + size);
    this.#bytes.copy(larger, 0, 0, this.size);
    this.#bytes = larger;
  }
  #add(bytes: Buffer | string, terminator = 0): number {
    this.#reserve(bytes.length * MOST_BYTES + 8);
    const offset = this.size;
    const length = typeof bytes === 'string' ? this.#bytes.write(bytes, offset) : bytes.copy(this.#bytes, offset);
    this.size = (offset + length + terminator + 7) & ~7;
    return offset;
  }
  text(value: string | Buffer): number {
    const key = typeof value === 'string' ? value : `\0${value.toString('latin1')}`;
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const offset = this.#add(value, 1);
    this.#texts.set(key, offset);
    return offset;
  }
  struct(value: Struct): number {
    const known = this.structs.get(value);
    if (known !== undefined) return known;
    const offset = this.#add(value.bytes);
    this.structs.set(value, offset);
    for (const [at, target] of value.pointers ?? []) {
      this.relocs.push([offset + at, Buffer.isBuffer(target) ? this.#add(target) : this.struct(target)]);
    }
    return offset;
  }
  strings(values: readonly string[]): number {
    const list = this.#add(Buffer.alloc(8 * (values.length + 1)));
    values.forEach((value, i) => this.relocs.push([list + i * 8, this.text(value)]));
    return list;
  }
  copyTo(bytes: Buffer, at: number): void {
    this.#bytes.copy(bytes, at, 0, this.size);
  }
}

interface EncodedOp {
  step: Step;
  number: number;
  registers: Register[];
  flags: number;
}

/** Ops in the order they lie on the tape: each clone's child behind all that was encoded before it. */
function layOut(steps: readonly Step[], firstNumber: number, data: Data, ops: EncodedOp[]): void {
  const clones: [EncodedOp, CloneArguments][] = [];
  const replaced = replacing(steps);
  let number = firstNumber;
  for (const one of steps) {
    const op: EncodedOp = { step: one, number, registers: [], flags: flagsOf(one, replaced) };
    ops.push(op);
    number += 1;
    if (one.name === 'clone') {
      const args = one.args as CloneArguments;
      clones.push([op, args]);
      number += flatten(args.child).length;
    } else {
      const values = one.args as unknown as Record<string, unknown>;
      op.registers = parametersOf(one.name).map(([name, type]) => type.encode(values[name], data));
    }
  }
  for (const [op, args] of clones) {
    const slotFor = (ref: { slot: string } | null): Register => ({
      kind: ARG.imm,
      value: ref ? data.slotNumber(ref.slot) : TAPE_NO_SLOT,
    });
    op.registers = [
      { kind: ARG.imm, value: args.flags },
      { kind: ARG.imm, value: TAPE.bytes + ops.length * OP.bytes },
      { kind: ARG.imm, value: args.child.length },
      slotFor(args.cgroup),
      slotFor(args.pidfd),
    ];
    layOut(args.child, op.number + 1, data, ops);
  }
}

function errnoNumber(name: string): number {
  const value = name === ANY ? ERR_ANY : (ERRNO as Record<string, number>)[name];
  if (value === undefined) throw new TsrunError('internal', `encode plan: unknown errno ${name}`);
  return value;
}

/** The tape in units of one, two and four bytes: stores into typed arrays take a tenth of what Buffer's methods do before V8 has
 * compiled them, and a start is over before. Little endian, as everything that Node for Linux runs on is. */
class Units {
  readonly bytes: Buffer;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
    const { buffer, byteOffset } = this.bytes;
    this.halves = new Uint16Array(buffer, byteOffset, size >> 1);
    this.words = new Uint32Array(buffer, byteOffset, size >> 2);
  }
  /** A signed or unsigned 64-bit number. */
  long(value: number | bigint, at: number): void {
    const word = at >> 2;
    if (typeof value === 'number' && value >= -0x80000000 && value <= 0xffffffff) {
      this.words[word] = value;
      this.words[word + 1] = value < 0 ? 0xffffffff : 0;
    } else {
      const bits = BigInt.asUintN(64, BigInt(value));
      this.words[word] = Number(bits & 0xffffffffn);
      this.words[word + 1] = Number(bits >> 32n);
    }
  }
}

function writeExpected(tape: Units, at: number, { name, expect }: Step): void {
  if (expect === undefined) return;
  const expected = Object.entries(expect);
  if (expected.length > 2) throw new TsrunError('internal', `encode plan: ${name} expects more than two errnos`);
  expected.forEach(([errno, skip], i) => {
    tape.halves[(at + (i === 0 ? OP.err1 : OP.err2)) >> 1] = errnoNumber(errno);
    tape.bytes[at + (i === 0 ? OP.skip1 : OP.skip2)] = skip;
  });
}

function opcodeOf(step: Step): number {
  return step.name === 'clone' && (step.args as CloneArguments).apart ? OPCODE.clone_apart : OPCODE[step.name];
}

function writeOp(tape: Units, at: number, op: EncodedOp, data: Data, dataAt: number): void {
  const { step, number, registers, flags } = op;
  tape.halves[(at + OP.code) >> 1] = opcodeOf(step);
  tape.bytes[at + OP.save] = step.save === undefined ? TAPE_NO_SLOT : data.slotNumber(step.save);
  tape.bytes[at + OP.okSkip] = step.thenSkip ?? 0;
  writeExpected(tape, at, step);
  tape.halves[(at + OP.flags) >> 1] = flags;
  tape.words[(at + OP.step) >> 2] = number;
  let kinds = 0;
  for (let i = 0; i < registers.length; i++) {
    const { kind, value } = registers[i]!;
    kinds |= kind << (i * 4);
    tape.long(kind === ARG.data ? Number(value) + dataAt : value, at + OP.args + i * 8);
  }
  tape.words[(at + OP.kinds) >> 2] = kinds;
}

function writeHeader({ words }: Units, fields: readonly [at: number, value: number][]): void {
  for (const [at, value] of fields) words[at >> 2] = value;
}

/** Values that slots have before the first step: the caller's descriptors, by the names that the steps use. */
export type Given = Readonly<Record<string, number>>;

/** Turns steps into the flat buffer that the player plays (native/abi.h draws it). */
export function encode(steps: readonly Step[], given: Given = {}): Tape {
  const data = new Data();
  const ops: EncodedOp[] = [];
  layOut(steps, 0, data, ops);
  for (const { step } of ops) if (step.save !== undefined) data.slotNumber(step.save);
  const dataAt = TAPE.bytes + ops.length * OP.bytes;
  const relocsAt = dataAt + data.size;
  const size = relocsAt + data.relocs.length * 4;
  const tape = new Units(size);
  writeHeader(tape, [
    [TAPE.magic, TAPE_MAGIC],
    [TAPE.version, TAPE_VERSION],
    [TAPE.size, size],
    [TAPE.ops, TAPE.bytes],
    [TAPE.opCount, steps.length],
    [TAPE.relocs, relocsAt],
    [TAPE.relocCount, data.relocs.length],
    [TAPE.failedStep, -1],
  ]);
  for (const [name, value] of Object.entries(given)) tape.long(value, TAPE.slots + data.slotNumber(name) * 8);
  ops.forEach((op, i) => writeOp(tape, TAPE.bytes + i * OP.bytes, op, data, dataAt));
  data.copyTo(tape.bytes, dataAt);
  data.relocs.forEach(([at, to], i) => {
    tape.words[(dataAt + at) >> 2] = dataAt + to;
    tape.words[(relocsAt >> 2) + i] = dataAt + at;
  });
  return {
    bytes: tape.bytes,
    steps: flatten(steps),
    slotOf: (name) => data.slotOf(name),
    offsetOf: (value) => {
      const offset = data.structs.get(value);
      return offset === undefined ? undefined : dataAt + offset;
    },
  };
}
