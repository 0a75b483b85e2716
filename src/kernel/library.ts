/**
 * The door to the kernel: loads libtsrun.so through ffi-napi and calls its one function.
 *
 * ffi-napi's and ref-napi's compiled bindings are called directly. Their JavaScript layers do the same with a type system that we
 * do not need for one signature, and cost 10-20 ms of every start (measured: Node 20 and 24); the bindings alone cost 2 ms.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TsrunError } from '../errors/tsrun-error.ts';
import { HOST, TAPE } from './abi.ts';

interface RefBinding {
  instance: unknown;
  _writePointer(buffer: Buffer, offset: number, target: Buffer, keepAlive: boolean): void;
  readPointer(buffer: Buffer, offset: number, length: number): Buffer;
  isNull(buffer: Buffer, offset?: number): boolean;
}
interface FfiBinding {
  FFI_OK: number;
  FFI_DEFAULT_ABI: number;
  FFI_CIF_SIZE: number;
  FFI_TYPES: Record<string, Buffer>;
  StaticFunctions: { dlopen: Buffer; dlsym: Buffer };
  ffi_prep_cif(cif: Buffer, argumentCount: number, result: Buffer, argumentTypes: Buffer, abi: number): number;
  ffi_call(cif: Buffer, target: Buffer, result: Buffer, args: Buffer): void;
  ffi_call_async(cif: Buffer, target: Buffer, result: Buffer, args: Buffer, done: (error: Error | null) => void): void;
}
interface Bindings {
  ref: RefBinding;
  ffi: FfiBinding;
}

const POINTER = 8;
const RTLD_NOW = 2;
const NATIVE_HINT = 'run `npm run build`; it needs gcc, make and python3';

/** Where the package lies: the directory that holds native/ and node_modules/, whether we run from src/kernel or from dist. */
export function packageRoot(): string {
  root ??= findRoot();
  return root;
}

let root: string | undefined;

function findRoot(): string {
  const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
  return here.endsWith('/src/kernel') ? dirname(dirname(here)) : dirname(here);
}

/** The static program that owns running containers. */
export function monitorPath(): string {
  return `${packageRoot()}/native/build/tsrun-monitor`;
}

/** Loads a compiled addon. From where npm usually puts it, unlooked and without require(): finding it that way takes half a millisecond. */
function loadAddon(file: string): unknown {
  const loaded = { exports: {} };
  const beside = `${packageRoot()}/node_modules/${file}`;
  try {
    process.dlopen(loaded, beside);
  } catch (error) {
    if (existsSync(beside)) throw error;
    process.dlopen(loaded, createRequire(`${packageRoot()}/package.json`).resolve(file));
  }
  return loaded.exports;
}

function loadBindings(): Bindings {
  try {
    const ref = loadAddon('ref-napi/build/Release/binding.node') as RefBinding;
    const unbound = loadAddon('ffi-napi/build/Release/ffi_bindings.node') as {
      initializeBindings(ref: unknown): FfiBinding;
    };
    return { ref, ffi: unbound.initializeBindings(ref.instance) };
  } catch (cause) {
    throw new TsrunError('unsupported', `load ffi-napi: ${(cause as Error).message.split('\n')[0]}`, {
      cause,
      hint: NATIVE_HINT,
    });
  }
}

type RawCall = (...args: Buffer[]) => Buffer;

/** A C function of pointers and ints; every argument comes as a buffer that holds its value. */
function bind(
  { ref, ffi }: Bindings,
  target: Buffer,
  result: string,
  types: string[],
): { call: RawCall; async: (...args: Buffer[]) => Promise<Buffer> } {
  const cif = Buffer.alloc(ffi.FFI_CIF_SIZE);
  const typeList = Buffer.alloc(Math.max(POINTER, types.length * POINTER));
  for (let i = 0; i < types.length; i++) ref._writePointer(typeList, i * POINTER, ffi.FFI_TYPES[types[i]!]!, true);
  if (ffi.ffi_prep_cif(cif, types.length, ffi.FFI_TYPES[result]!, typeList, ffi.FFI_DEFAULT_ABI) !== ffi.FFI_OK) {
    throw new TsrunError('internal', 'load libtsrun.so: ffi_prep_cif failed');
  }
  const prepare = (args: Buffer[]) => {
    const list = Buffer.alloc(Math.max(POINTER, args.length * POINTER));
    for (let i = 0; i < args.length; i++) ref._writePointer(list, i * POINTER, args[i]!, true);
    return { list, out: Buffer.alloc(POINTER) };
  };
  return {
    call: (...args) => {
      const { list, out } = prepare(args);
      ffi.ffi_call(cif, target, out, list);
      void typeList; // libffi keeps its address: it must live as long as the call can be made
      return out;
    },
    async: (...args) => {
      const { list, out } = prepare(args);
      return new Promise((resolve, reject) => {
        ffi.ffi_call_async(cif, target, out, list, (error) => {
          void list; // ffi-napi keeps no reference to it, and it is what keeps the arguments
          if (error) reject(error);
          else resolve(out);
        });
      });
    },
  };
}

interface Library {
  play: (tape: Buffer) => number;
  playAsync: (tape: Buffer) => Promise<number>;
}
let library: Library | undefined;

function openLibrary(): Library {
  const bindings = loadBindings();
  const { ref, ffi } = bindings;
  const pointerTo = (target: Buffer): Buffer => {
    const holder = Buffer.alloc(POINTER);
    ref._writePointer(holder, 0, target, true);
    return holder;
  };
  const int = (value: number): Buffer => {
    const holder = Buffer.alloc(POINTER);
    holder.writeInt32LE(value);
    return holder;
  };
  const path = `${packageRoot()}/native/build/libtsrun.so`;
  const dlopen = bind(bindings, ffi.StaticFunctions.dlopen, 'pointer', ['pointer', 'int32']);
  const dlsym = bind(bindings, ffi.StaticFunctions.dlsym, 'pointer', ['pointer', 'pointer']);
  const handle = dlopen.call(pointerTo(Buffer.from(`${path}\0`)), int(RTLD_NOW));
  if (handle.readBigUInt64LE() === 0n)
    throw new TsrunError('unsupported', `load ${path}: dlopen failed`, { hint: NATIVE_HINT });
  const symbol = dlsym.call(handle, pointerTo(Buffer.from('tsrun_play\0')));
  if (symbol.readBigUInt64LE() === 0n)
    throw new TsrunError('unsupported', `load ${path}: it has no tsrun_play`, { hint: NATIVE_HINT });
  const play = bind(bindings, ref.readPointer(symbol, 0, 0), 'int32', ['pointer']);
  return {
    play: (tape) => play.call(pointerTo(tape)).readInt32LE(),
    playAsync: async (tape) => (await play.async(pointerTo(tape))).readInt32LE(),
  };
}

/** What the next tape asks of the library. */
let host = 0;

/**
 * For a process that lives for one start, and never for somebody else's: from the first tape on V8 optimizes nothing, as all of it
 * would be over before the optimized code is there.
 */
export function liveBriefly(): void {
  host = HOST.brief;
}

/**
 * Plays a tape in this process and its clones (native/abi.h). Blocks the event loop until the last clone has executed.
 * @returns 0, or a negative errno; the tape's header then names the step.
 */
export function playTape(tape: Buffer): number {
  library ??= openLibrary();
  if (host !== 0) tape.writeUInt32LE(tape.readUInt32LE(TAPE.host) | host, TAPE.host);
  host = 0;
  return library.play(tape);
}

/** Lets a thread of the library's own play it, if one can be had: playTape() then waits for that. The tape has to be kept until then. */
export function playTapeBeside(tape: Buffer): void {
  tape.writeUInt32LE(HOST.beside, TAPE.host);
  playTape(tape);
}

/** The same on a thread of libuv's pool: for plans that wait. Never for one that clones (facts: the child's parent is a thread). */
export function playTapeAsync(tape: Buffer): Promise<number> {
  library ??= openLibrary();
  return library.playAsync(tape);
}
