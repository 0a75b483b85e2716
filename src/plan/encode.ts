import { constants } from 'node:os';
import { TsrunError } from '../errors/tsrun-error.ts';
import {
  ARG,
  OP,
  OPCODE,
  OPF_IGNORE,
  SLOT_FINISHED,
  SLOT_FIRST_FREE,
  SLOT_STATUS,
  TAPE,
  TAPE_MAGIC,
  TAPE_NO_SLOT,
  TAPE_SLOTS,
  TAPE_VERSION,
} from '../kernel/abi.ts';
import type { DataSink, Register, Struct } from './arguments.ts';
import { flatten, type Step } from './step.ts';
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

/** Gathers the data of a tape: strings, structs and pointer lists, each 8-byte aligned. */
class Data implements DataSink {
  readonly #chunks: Buffer[] = [];
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
  #add(bytes: Buffer): number {
    const offset = this.size;
    this.#chunks.push(bytes);
    const padding = -bytes.length & 7;
    if (padding > 0) this.#chunks.push(Buffer.alloc(padding));
    this.size += bytes.length + padding;
    return offset;
  }
  text(value: string | Buffer): number {
    const key = typeof value === 'string' ? value : `\0${value.toString('latin1')}`;
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const bytes = typeof value === 'string' ? Buffer.from(`${value}\0`) : Buffer.concat([value, Buffer.alloc(1)]);
    const offset = this.#add(bytes);
    this.#texts.set(key, offset);
    return offset;
  }
  struct(value: Struct): number {
    const known = this.structs.get(value);
    if (known !== undefined) return known;
    const offset = this.#add(Buffer.from(value.bytes));
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
    for (const chunk of this.#chunks) at += chunk.copy(bytes, at);
  }
}

interface EncodedOp {
  step: Step;
  number: number;
  registers: Register[];
}

/** Ops in the order they lie on the tape: each clone's child behind all that was encoded before it. */
function layOut(steps: readonly Step[], firstNumber: number, data: Data, ops: EncodedOp[]): void {
  const clones: [EncodedOp, CloneArguments][] = [];
  let number = firstNumber;
  for (const one of steps) {
    const op: EncodedOp = { step: one, number, registers: [] };
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
  const value = (constants.errno as Record<string, number>)[name];
  if (value === undefined) throw new TsrunError('internal', `encode plan: unknown errno ${name}`);
  return value;
}

function writeOp(bytes: Buffer, at: number, { step, number, registers }: EncodedOp, data: Data, dataAt: number): void {
  const expected = Object.entries(step.expect ?? {});
  if (expected.length > 2) throw new TsrunError('internal', `encode plan: ${step.name} expects more than two errnos`);
  bytes.writeUInt16LE(OPCODE[step.name], at + OP.code);
  bytes[at + OP.save] = step.save === undefined ? TAPE_NO_SLOT : data.slotNumber(step.save);
  bytes[at + OP.okSkip] = step.thenSkip ?? 0;
  expected.forEach(([name, skip], i) => {
    bytes.writeUInt16LE(errnoNumber(name), at + (i === 0 ? OP.err1 : OP.err2));
    bytes[at + (i === 0 ? OP.skip1 : OP.skip2)] = skip;
  });
  bytes.writeUInt16LE(step.ignoreErrors ? OPF_IGNORE : 0, at + OP.flags);
  bytes.writeUInt32LE(number, at + OP.step);
  let kinds = 0;
  registers.forEach(({ kind, value }, i) => {
    kinds |= kind << (i * 4);
    const where = at + OP.args + i * 8;
    const raw = kind === ARG.data ? Number(value) + dataAt : value;
    if (typeof raw === 'number' && raw >= 0 && raw <= 0xffffffff) bytes.writeUInt32LE(raw, where);
    else bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(raw)), where);
  });
  bytes.writeUInt32LE(kinds >>> 0, at + OP.kinds);
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
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(TAPE_MAGIC, TAPE.magic);
  bytes.writeUInt32LE(TAPE_VERSION, TAPE.version);
  bytes.writeUInt32LE(size, TAPE.size);
  bytes.writeUInt32LE(TAPE.bytes, TAPE.ops);
  bytes.writeUInt32LE(steps.length, TAPE.opCount);
  bytes.writeUInt32LE(relocsAt, TAPE.relocs);
  bytes.writeUInt32LE(data.relocs.length, TAPE.relocCount);
  bytes.writeInt32LE(-1, TAPE.failedStep);
  for (const [name, value] of Object.entries(given))
    bytes.writeBigInt64LE(BigInt(value), TAPE.slots + data.slotNumber(name) * 8);
  ops.forEach((op, i) => writeOp(bytes, TAPE.bytes + i * OP.bytes, op, data, dataAt));
  data.copyTo(bytes, dataAt);
  data.relocs.forEach(([at, to], i) => {
    bytes.writeUInt32LE(dataAt + to, dataAt + at);
    bytes.writeUInt32LE(dataAt + at, relocsAt + i * 4);
  });
  return {
    bytes,
    steps: flatten(steps),
    slotOf: (name) => data.slotOf(name),
    offsetOf: (value) => {
      const offset = data.structs.get(value);
      return offset === undefined ? undefined : dataAt + offset;
    },
  };
}
