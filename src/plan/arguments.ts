import { ARG } from '../kernel/abi.ts';

/** A descriptor or number that an earlier step left under a name. */
export interface SlotRef {
  readonly slot: string;
}
/** The descriptor of that name where the kernel wants a path: it becomes "/proc/self/fd/N" as the step is played. */
export interface FdPath {
  readonly fdPath: string;
}
/** A path as seen from a descriptor of its root: `/dev/pts` → `dev/pts`. */
export function withoutRoot(path: string): string {
  let at = 0;
  while (path[at] === '/') at++;
  return path.slice(at);
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

/** The types of arguments, and what a step gives for each. How they are printed: printers.ts. */
export interface ArgumentValues {
  int: number | bigint | SlotRef;
  octal: number;
  hex: number | bigint;
  fd: number | SlotRef;
  text: string | Buffer | null;
  path: string | Buffer | FdPath;
  /** A path that may be absent: NULL. */
  pathOrNull: string | Buffer | FdPath | null;
  struct: Struct | null;
  /** A text, or one that an earlier step writes into. */
  textOrStruct: string | Buffer | Struct | null;
  strings: readonly string[];
  /** A pointer or a number, as the third argument of ioctl(2) may be. */
  structOrInt: Struct | number | null;
  // Flags and choices are numbers; the types are the tables of their names.
  MS: number;
  MNT: number;
  CLONE: number;
  O: number;
  AT: number;
  CLOSE_RANGE: number;
  LOCK: number;
  OPEN_TREE: number;
  MOVE_MOUNT: number;
  IN_ROOT: number;
  F: number;
  PR: number;
  IOCTL: number;
  RLIMIT: number;
  KEYCTL: number;
  BPF: number;
  FS_MAGIC: number;
}
export type ArgumentType = keyof ArgumentValues;
export type Argument = ArgumentValues[ArgumentType];

/** What an argument can ask of the encoder: places on the tape. */
export interface DataSink {
  slotNumber(name: string): number;
  text(value: string | Buffer): number;
  struct(value: Struct): number;
  strings(values: readonly string[]): number;
  /** How the player makes the last register (native/abi.h ARG_*). */
  kind: number;
}

/** An argument's register; its kind is left in the sink. The value alone says what it is, so no type needs an encoder of its own. */
export function register(value: Argument, sink: DataSink): number | bigint {
  sink.kind = ARG.data;
  if (typeof value === 'string') return sink.text(value);
  sink.kind = ARG.imm;
  if (typeof value !== 'object') return value;
  if (value === null) return 0;
  return pointed(value, sink);
}

function pointed(value: Exclude<Argument, number | bigint | string | null>, sink: DataSink): number {
  const { slot, fdPath, shown } = value as Partial<SlotRef & FdPath & Struct>;
  if (slot !== undefined) {
    sink.kind = ARG.slot;
    return sink.slotNumber(slot);
  }
  if (fdPath !== undefined) {
    sink.kind = ARG.fdpath;
    return sink.slotNumber(fdPath);
  }
  sink.kind = ARG.data;
  if (shown !== undefined) return sink.struct(value as Struct);
  return Buffer.isBuffer(value) ? sink.text(value) : sink.strings(value as readonly string[]);
}
