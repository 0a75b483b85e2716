import { IN_ROOT } from '../kernel/abi.ts';
import {
  AT,
  BPF,
  CLONE,
  CLOSE_RANGE,
  F,
  type FlagTable,
  FS_MAGIC,
  flagNames,
  IOCTL,
  KEYCTL,
  LOCK,
  MNT,
  MOVE_MOUNT,
  MS,
  O,
  OPEN_TREE,
  PR,
  RLIMIT,
} from '../kernel/constants.ts';
import type { ArgumentType, ArgumentValues, FdPath, SlotRef, Struct } from './arguments.ts';
import type { Step } from './step.ts';
import { type CallName, parametersOf } from './step-types.ts';

/** How strace would print an argument. `brief` cuts what a message must not drown in. */
type Printer<T> = (value: T, brief: boolean) => string;
type Printers = { readonly [T in ArgumentType]: Printer<ArgumentValues[T]> };

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

function quote(value: string | Buffer): string {
  const text = typeof value === 'string' ? value : value.toString('utf8');
  const shown = text.length > 512 ? `${text.slice(0, 509)}...` : text;
  return JSON.stringify(shown);
}

const isSlot = (value: unknown): value is SlotRef => typeof value === 'object' && value !== null && 'slot' in value;
const isStruct = (value: unknown): value is Struct => typeof value === 'object' && value !== null && 'shown' in value;
const isFdPath = (value: unknown): value is FdPath => typeof value === 'object' && value !== null && 'fdPath' in value;

const flags =
  (table: FlagTable): Printer<number> =>
  (value) =>
    flagNames(value, table);

/** One of several values that have names. */
function choice(value: number, table: FlagTable): string {
  return Object.entries(table).find(([, known]) => known === value)?.[0] ?? `0x${(value >>> 0).toString(16)}`;
}

/** `RLIMIT_NOFILE` for nofile. */
const rlimitNames = (): FlagTable =>
  Object.fromEntries(Object.entries(RLIMIT).map(([name, value]) => [`RLIMIT_${name.toUpperCase()}`, value]));

/** `MAKE_DIR` for makeDir. */
const inRootNames = (): FlagTable =>
  Object.fromEntries(
    Object.entries(IN_ROOT).map(([name, value]) => [name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase(), value]),
  );

const text = (value: string | Buffer | null): string => (value === null ? 'NULL' : quote(value));
const path = (value: string | Buffer | FdPath | null): string => (isFdPath(value) ? `<${value.fdPath}>` : text(value));
const struct = (value: Struct | null): string => value?.shown ?? 'NULL';

/** By the type of the argument. */
const makePrinters = (): Printers => ({
  int: (value) => (isSlot(value) ? value.slot : String(value)),
  octal: (value) => `0${value.toString(8)}`,
  hex: (value) => `0x${value.toString(16)}`,
  fd: (value) => (isSlot(value) ? value.slot : value === -100 ? 'AT_FDCWD' : String(value)),
  text,
  path,
  pathOrNull: path,
  struct,
  textOrStruct: (value) => (isStruct(value) ? struct(value) : text(value)),
  strings: (value, brief) => (brief ? briefList(value) : `[${value.map(quote).join(', ')}]`),
  structOrInt: (value) => (typeof value === 'number' ? String(value) : struct(value)),
  MS: flags(MS),
  MNT: flags(MNT),
  CLONE: flags(CLONE),
  O: flags(O),
  AT: flags(AT),
  CLOSE_RANGE: flags(CLOSE_RANGE),
  LOCK: flags(LOCK),
  OPEN_TREE: (value) => flagNames(value, { ...OPEN_TREE, ...AT }),
  MOVE_MOUNT: flags(MOVE_MOUNT),
  IN_ROOT: (value) => flagNames(value, inRootNames()),
  F: (value) => choice(value, F),
  PR: (value) => choice(value, PR),
  IOCTL: (value) => choice(value, IOCTL),
  RLIMIT: (value) => choice(value, rlimitNames()),
  KEYCTL: (value) => choice(value, KEYCTL),
  BPF: (value) => choice(value, BPF),
  FS_MAGIC: (value) => choice(value, FS_MAGIC),
});

/** Made for the first call that is printed: most runs print none. */
let printers: Printers | undefined;

/** The arguments of a call, in their order, each with its name. */
export function printed(step: Step, brief: boolean): [name: string, shown: string][] {
  printers ??= makePrinters();
  const byType = printers as Readonly<Record<ArgumentType, Printer<never>>>;
  const values = step.args as unknown as Record<string, never>;
  return parametersOf(step.name as CallName).map(([name, type]) => [name, byType[type](values[name] as never, brief)]);
}
