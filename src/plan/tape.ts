import { TsrunError } from '../errors/tsrun-error.ts';
import {
  ARG,
  OP,
  SLOT_FINISHED,
  SLOT_FIRST_FREE,
  SLOT_STATUS,
  TAPE,
  TAPE_MAGIC,
  TAPE_SLOTS,
  TAPE_VERSION,
} from '../kernel/abi.ts';
import type { DataSink, Struct } from './arguments.ts';
import { flatten, type Step } from './step.ts';

/** Room for the data of an op: what plans need, mostly. */
const DATA_OF_AN_OP = 48;
const MORE_ROOM = 512;
/** What ends a text and fills its last 8 bytes, by its length modulo 8. */
const ENDS = Array.from({ length: 8 }, (_, rest) => '\0'.repeat(8 - rest));

/**
 * A tape (native/abi.h draws it) as it is written, and what is needed to read it back. The number of ops is known before, so what is
 * written lies where it stays: first the ops, behind them strings, structs and pointer lists, each 8-byte aligned.
 *
 * Stores into typed arrays take a tenth of what Buffer's methods do before V8 has compiled them, and a start is over before. Little
 * endian, as everything that Node for Linux runs on is.
 */
export class Tape implements DataSink {
  bytes: Buffer;
  words: Int32Array;
  kind: number = ARG.imm;
  /** How many steps are written. */
  stepCount = 0;
  readonly #plan: readonly Step[];
  readonly #texts = new Map<string, number>();
  readonly #slots = new Map<string, number>();
  readonly #structs = new Map<Struct, number>();
  /** Offsets of the pointers in the data. */
  readonly #relocs: number[] = [];
  #opsEnd: number = TAPE.bytes;
  #end: number;
  readonly #ascii: boolean;
  /** The last texts, which have a place but are not written: one write for many takes half the time of many writes. */
  #pending = '';
  #pendingAt = 0;
  #misplaced = false;

  /** @param ascii the guess that all texts are: their lengths are known then without being measured. `finish` says if it was wrong. */
  constructor(plan: readonly Step[], ops: number, ascii: boolean) {
    this.#ascii = ascii;
    this.#plan = plan;
    this.#end = TAPE.bytes + ops * OP.bytes;
    this.bytes = Buffer.alloc(this.#end + ops * DATA_OF_AN_OP + MORE_ROOM);
    this.words = wordsOf(this.bytes);
    this.#slots.set('status', SLOT_STATUS).set('finished', SLOT_FINISHED);
  }

  /** The steps by the numbers that the player reports. */
  get steps(): readonly Step[] {
    return flatten(this.#plan);
  }
  slotOf(name: string): number | undefined {
    return this.#slots.get(name);
  }
  /** Where a struct lies in `bytes`, to read what the kernel wrote there. */
  offsetOf(struct: Struct): number | undefined {
    return this.#structs.get(struct);
  }

  /** Where a run of that many ops is to be written. */
  placeRun(length: number): number {
    const at = this.#opsEnd;
    this.#opsEnd = at + length * OP.bytes;
    return at;
  }
  /** Writes a signed or unsigned 64-bit number. */
  long(value: number | bigint, at: number): void {
    const word = at >> 2;
    if (typeof value === 'number' && value >= -0x80000000 && value <= 0xffffffff) {
      this.words[word] = value;
      this.words[word + 1] = value < 0 ? -1 : 0;
    } else {
      const bits = BigInt.asUintN(64, BigInt(value));
      this.words[word] = Number(bits & 0xffffffffn);
      this.words[word + 1] = Number(bits >> 32n);
    }
  }

  slotNumber(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const next = this.#slots.size - 2 + SLOT_FIRST_FREE;
    if (next >= TAPE_SLOTS) throw new TsrunError('internal', `encode plan: more than ${TAPE_SLOTS} slots at ${name}`);
    this.#slots.set(name, next);
    return next;
  }
  text(value: string | Buffer): number {
    const key = typeof value === 'string' ? value : `\0${value.toString('latin1')}`;
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const at = typeof value === 'string' ? this.#string(value) : this.#data(value, 1);
    this.#texts.set(key, at);
    return at;
  }
  struct(value: Struct): number {
    const known = this.#structs.get(value);
    if (known !== undefined) return known;
    const { bytes, pointers } = value;
    const at = this.#data(bytes, 0);
    this.#structs.set(value, at);
    if (pointers !== undefined)
      for (const [offset, target] of pointers)
        this.#point(at + offset, Buffer.isBuffer(target) ? this.#data(target, 0) : this.struct(target));
    return at;
  }
  strings(values: readonly string[]): number {
    const size = 8 * (values.length + 1);
    this.#writePending();
    this.#reserve(size);
    const list = this.#end;
    this.#end += size;
    for (let i = 0; i < values.length; i++) this.#point(list + i * 8, this.text(values[i]!));
    return list;
  }

  /** Writes the header and the list of the pointers: then it can be played. False: a text was not ASCII. */
  finish(opCount: number): boolean {
    const relocs = this.#relocs;
    this.#writePending();
    this.#reserve(relocs.length * 4);
    const { words } = this;
    const size = this.#end + relocs.length * 4;
    words[TAPE.magic >> 2] = TAPE_MAGIC;
    words[TAPE.version >> 2] = TAPE_VERSION;
    words[TAPE.size >> 2] = size;
    words[TAPE.ops >> 2] = TAPE.bytes;
    words[TAPE.opCount >> 2] = opCount;
    words[TAPE.relocs >> 2] = this.#end;
    words[TAPE.relocCount >> 2] = relocs.length;
    words[TAPE.failedStep >> 2] = -1;
    words.set(relocs, this.#end >> 2);
    this.bytes = this.bytes.subarray(0, size);
    return !this.#misplaced;
  }

  #string(value: string): number {
    const at = this.#end;
    const length = this.#ascii ? value.length : Buffer.byteLength(value);
    const end = ENDS[length & 7]!;
    if (this.#pending === '') this.#pendingAt = at;
    this.#pending += value + end;
    this.#end = at + length + end.length;
    return at;
  }
  #writePending(): void {
    if (this.#pending === '') return;
    this.#reserve(0);
    // More than there is a place for only if the guess was wrong, and then the room shows it: there are 8 bytes more.
    const written = this.bytes.write(this.#pending, this.#pendingAt);
    if (written !== this.#end - this.#pendingAt) this.#misplaced = true;
    this.#pending = '';
  }
  #data(bytes: Buffer, terminator: number): number {
    this.#writePending();
    this.#reserve(bytes.length + terminator);
    const at = this.#end;
    this.bytes.set(bytes, at);
    this.#end = (at + bytes.length + terminator + 7) & ~7;
    return at;
  }
  /** The word at `at` is a pointer to `target`. */
  #point(at: number, target: number): void {
    this.words[at >> 2] = target;
    this.#relocs.push(at);
  }
  /** Makes room for that many bytes and 8 more: their alignment. */
  #reserve(size: number): void {
    if (this.#end + size + 8 <= this.bytes.length) return;
    const larger = Buffer.alloc(2 * (this.#end + size + 8));
    larger.set(this.bytes);
    this.bytes = larger;
    this.words = wordsOf(larger);
  }
}

function wordsOf({ buffer, byteOffset, length }: Buffer): Int32Array {
  return new Int32Array(buffer, byteOffset, length >> 2);
}
