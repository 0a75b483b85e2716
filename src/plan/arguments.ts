import { ARG } from '../kernel/abi.ts';
import { type FlagTable, flagNames } from '../kernel/constants.ts';

/** A descriptor or number that an earlier step left under a name. */
export interface SlotRef {
  readonly slot: string;
}
/** The descriptor of that name where the kernel wants a path: it becomes "/proc/self/fd/N" as the step is played. */
export interface FdPath {
  readonly fdPath: string;
}
export const slot = (name: string): SlotRef => ({ slot: name });
export const fdPath = (name: string): FdPath => ({ fdPath: name });

/** A C struct or buffer: its bytes, the pointers in it, and how a reader should see it. */
export interface Struct {
  readonly bytes: Buffer;
  /** Byte offset in `bytes` → what the pointer there points to. */
  readonly pointers?: ReadonlyArray<readonly [number, Buffer | Struct]>;
  readonly shown: string;
}

/** What an argument can ask of the encoder. Offsets count from the start of the tape's data. */
export interface DataSink {
  slotNumber(name: string): number;
  text(value: string | Buffer): number;
  struct(value: Struct): number;
  strings(values: readonly string[]): number;
}
/** One register: how the player makes it (native/abi.h ARG_*) and from what. */
export interface Register {
  kind: number;
  value: number | bigint;
}
/** A type of argument: how it becomes a register, and how strace would print it. */
export interface ArgumentType<T> {
  encode(value: T, sink: DataSink): Register;
  /** `brief` cuts what a message must not drown in. */
  render(value: T, brief?: boolean): string;
}

const immediate = (value: number | bigint): Register => ({ kind: ARG.imm, value });
const data = (value: number): Register => ({ kind: ARG.data, value });
const quote = (value: string | Buffer): string => {
  const text = typeof value === 'string' ? value : value.toString('utf8');
  const shown = text.length > 512 ? `${text.slice(0, 509)}...` : text;
  return JSON.stringify(shown);
};
const isSlot = (value: unknown): value is SlotRef => typeof value === 'object' && value !== null && 'slot' in value;
const isStruct = (value: unknown): value is Struct => typeof value === 'object' && value !== null && 'shown' in value;
const isFdPath = (value: unknown): value is FdPath => typeof value === 'object' && value !== null && 'fdPath' in value;

export const int: ArgumentType<number | bigint | SlotRef> = {
  encode: (value, sink) => (isSlot(value) ? { kind: ARG.slot, value: sink.slotNumber(value.slot) } : immediate(value)),
  render: (value) => (isSlot(value) ? value.slot : String(value)),
};

export const octal: ArgumentType<number> = {
  encode: immediate,
  render: (value) => `0${value.toString(8)}`,
};

export const hex: ArgumentType<number | bigint> = {
  encode: immediate,
  render: (value) => `0x${value.toString(16)}`,
};

export const flags = (table: FlagTable): ArgumentType<number> => ({
  encode: immediate,
  render: (value) => flagNames(value, table),
});

/** One of several values that have names. */
export const choice = (table: FlagTable): ArgumentType<number> => ({
  encode: immediate,
  render: (value) =>
    Object.entries(table).find(([, number]) => number === value)?.[0] ?? `0x${(value >>> 0).toString(16)}`,
});

export const fd: ArgumentType<number | SlotRef> = {
  encode: int.encode,
  render: (value) => (isSlot(value) ? value.slot : value === -100 ? 'AT_FDCWD' : String(value)),
};

export const text: ArgumentType<string | Buffer | null> = {
  encode: (value, sink) => (value === null ? immediate(0) : data(sink.text(value))),
  render: (value) => (value === null ? 'NULL' : quote(value)),
};

export const path: ArgumentType<string | Buffer | FdPath> = {
  encode: (value, sink) =>
    isFdPath(value) ? { kind: ARG.fdpath, value: sink.slotNumber(value.fdPath) } : data(sink.text(value)),
  render: (value) => (isFdPath(value) ? `<${value.fdPath}>` : quote(value)),
};

/** A path that may be absent: NULL. */
export const pathOrNull: ArgumentType<string | Buffer | FdPath | null> = {
  encode: (value, sink) => (value === null ? immediate(0) : path.encode(value, sink)),
  render: (value) => (value === null ? 'NULL' : path.render(value)),
};

export const struct: ArgumentType<Struct | null> = {
  encode: (value, sink) => (value === null ? immediate(0) : data(sink.struct(value))),
  render: (value) => value?.shown ?? 'NULL',
};

/** A text, or one that an earlier step writes into. */
export const textOrStruct: ArgumentType<string | Buffer | Struct | null> = {
  encode: (value, sink) => (isStruct(value) ? struct.encode(value, sink) : text.encode(value, sink)),
  render: (value) => (isStruct(value) ? struct.render(value) : text.render(value)),
};

const BRIEF_LIST = 20;
const BRIEF_WORD = 100;

/** A word of a command for a message: its beginning will do. */
export const briefWord = (value: string): string =>
  value.length > BRIEF_WORD ? `${JSON.stringify(value.slice(0, BRIEF_WORD))}...` : JSON.stringify(value);

/** A command for a message: two hundred kilobytes of arguments are no help to the reader. */
export function briefList(values: readonly string[]): string {
  const shown = values.slice(0, BRIEF_LIST).map(briefWord);
  if (values.length > BRIEF_LIST) shown.push(`... ${values.length - BRIEF_LIST} more`);
  return `[${shown.join(', ')}]`;
}

export const strings: ArgumentType<readonly string[]> = {
  encode: (value, sink) => data(sink.strings(value)),
  render: (value, brief) => (brief ? briefList(value) : `[${value.map(quote).join(', ')}]`),
};

/** A pointer or a number, as the third argument of ioctl(2) may be. */
export const structOrInt: ArgumentType<Struct | number | null> = {
  encode: (value, sink) => (typeof value === 'number' ? immediate(value) : struct.encode(value, sink)),
  render: (value) => (typeof value === 'number' ? String(value) : struct.render(value)),
};
