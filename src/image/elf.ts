import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';

export type ElfMachine = 'x86-64' | 'aarch64';

/** What the loader has to know about a program or a library: elf(5), ld.so(8). */
export interface ElfFile {
  readonly machine: ElfMachine;
  /** PT_INTERP, such as `/lib64/ld-linux-x86-64.so.2`. Static programs and most libraries have none. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED, in order: the names of the libraries, not their paths. */
  readonly needed: readonly string[];
  /** Directories as written: `$ORIGIN` and its kin are not expanded. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

/** Random access to a file or, in tests, to bytes in memory. `read` gives fewer bytes at the end of the file. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Buffer;
}

const HEADER_SIZE = 64;
const SEGMENT_SIZE = 56; // Elf64_Phdr
const DYNAMIC_SIZE = 16; // Elf64_Dyn
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const MACHINES = new Map<number, ElfMachine>([
  [62, 'x86-64'],
  [183, 'aarch64'],
]);
// A dynamic section has some thirty entries, and a path has PATH_MAX bytes: more than this is damage, not data.
const MAX_DYNAMIC_BYTES = 1 << 20;
const MAX_STRING_BYTES = 64 << 10;

/**
 * Reads the headers of an ELF file. `null` when the file does not begin with the ELF magic.
 * @throws TsrunError `unsupported` (code `ENOEXEC`): damaged, 32 bits, big endian, another machine. Node's error when
 *   the file cannot be opened.
 */
export function readElf(path: string): ElfFile | null {
  return withSource(path, (source) => parseElf(source, path));
}

/** The machine of an ELF file that this room can read; `null` for every other file, also for one that is not there. */
export function elfMachine(path: string): ElfMachine | null {
  try {
    return withSource(path, (source) => {
      const header = source.read(0, HEADER_SIZE);
      return header.length === HEADER_SIZE && isElf64(header) ? (MACHINES.get(header.readUInt16LE(18)) ?? null) : null;
    });
  } catch {
    return null;
  }
}

/** The words of a script's `#!` line as execve(2) reads them: the interpreter, then at most one argument. */
export function readShebang(path: string): string[] | null {
  return withSource(path, (source) => {
    const line = source.read(0, 256).toString('utf8').split('\n', 1)[0] ?? '';
    const words = /^#!\s*(\S+)(?:\s+(.*\S))?\s*$/.exec(line);
    return words === null ? null : words.slice(1).filter((word) => word !== undefined);
  });
}

export function parseElf(source: ByteSource, name: string): ElfFile | null {
  const header = source.read(0, HEADER_SIZE);
  if (!hasMagic(header)) return null;
  if (header.length < HEADER_SIZE) throw damaged(name, 'the header is cut off');
  if (!isElf64(header)) throw unsupported(name, 'not a 64-bit little-endian ELF file');
  const machine = MACHINES.get(header.readUInt16LE(18));
  if (machine === undefined) throw unsupported(name, `machine type ${header.readUInt16LE(18)}, not x86-64 or aarch64`);
  const image = new Image(source, name, readSegments(source, header, name));
  return { machine, interpreter: image.interpreter(), ...image.dynamic() };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

function readSegments(source: ByteSource, header: Buffer, name: string): Segment[] {
  const offset = safe(header.readBigUInt64LE(32), name);
  const count = header.readUInt16LE(56);
  if (count === 0) return [];
  if (header.readUInt16LE(54) !== SEGMENT_SIZE) throw damaged(name, 'program headers of a strange size');
  // PN_XNUM: the count would be in section 0. Only core dumps have that many.
  if (count === 0xffff) throw unsupported(name, 'more than 65534 program headers');
  const table = exactly(source, offset, count * SEGMENT_SIZE, name, 'the program headers');
  return Array.from({ length: count }, (_, index) => {
    const at = index * SEGMENT_SIZE;
    return {
      type: table.readUInt32LE(at),
      offset: safe(table.readBigUInt64LE(at + 8), name),
      address: safe(table.readBigUInt64LE(at + 16), name),
      fileSize: safe(table.readBigUInt64LE(at + 32), name),
    };
  });
}

class Image {
  readonly #source: ByteSource;
  readonly #name: string;
  readonly #segments: readonly Segment[];

  constructor(source: ByteSource, name: string, segments: readonly Segment[]) {
    this.#source = source;
    this.#name = name;
    this.#segments = segments;
  }

  interpreter(): string | undefined {
    const segment = this.#segments.find(({ type }) => type === PT_INTERP);
    return segment === undefined ? undefined : this.#string(segment.offset, segment.fileSize, 'the interpreter');
  }

  dynamic(): Pick<ElfFile, 'needed' | 'rpath' | 'runpath'> {
    const entries = this.#dynamicEntries();
    const values = (wanted: number) => entries.filter(([tag]) => tag === wanted).map(([, value]) => value);
    const named = [...values(DT_NEEDED), ...values(DT_RPATH), ...values(DT_RUNPATH)];
    if (named.length === 0) return { needed: [], rpath: [], runpath: [] };
    const address = values(DT_STRTAB)[0];
    const size = values(DT_STRSZ)[0];
    if (address === undefined || size === undefined) throw damaged(this.#name, 'no table of names');
    const table = this.#fileOffset(address, size);
    const text = (offset: number) => {
      if (offset >= size) throw damaged(this.#name, 'a name outside the table of names');
      return this.#string(table + offset, size - offset, 'a name');
    };
    const directories = (tag: number) =>
      values(tag)
        .flatMap((offset) => text(offset).split(':'))
        .filter((directory) => directory !== '');
    return { needed: values(DT_NEEDED).map(text), rpath: directories(DT_RPATH), runpath: directories(DT_RUNPATH) };
  }

  #dynamicEntries(): [tag: number, value: number][] {
    const segment = this.#segments.find(({ type }) => type === PT_DYNAMIC);
    if (segment === undefined || segment.fileSize === 0) return [];
    if (segment.fileSize > MAX_DYNAMIC_BYTES) throw damaged(this.#name, 'the dynamic section is too large');
    const bytes = exactly(this.#source, segment.offset, segment.fileSize, this.#name, 'the dynamic section');
    const entries: [number, number][] = [];
    for (let at = 0; at + DYNAMIC_SIZE <= bytes.length; at += DYNAMIC_SIZE) {
      // Tags above 2^53 do not exist; values above it do (DT_DEBUG may hold anything) and are not ours.
      const tag = Number(bytes.readBigUInt64LE(at));
      if (tag === DT_NULL) break;
      entries.push([tag, Number(bytes.readBigUInt64LE(at + 8))]);
    }
    return entries;
  }

  /** The dynamic section speaks of addresses: the segment that is loaded there says where the file has the bytes. */
  #fileOffset(address: number, size: number): number {
    const segment = this.#segments.find(
      (one) => one.type === PT_LOAD && address >= one.address && address + size <= one.address + one.fileSize,
    );
    if (segment === undefined) throw damaged(this.#name, 'the table of names is in no segment');
    return segment.offset + (address - segment.address);
  }

  #string(offset: number, limit: number, what: string): string {
    const bytes = this.#source.read(offset, Math.min(limit, MAX_STRING_BYTES));
    const end = bytes.indexOf(0);
    if (end <= 0) throw damaged(this.#name, `${what} is empty or has no end`);
    return bytes.toString('utf8', 0, end);
  }
}

function hasMagic(header: Buffer): boolean {
  return header.length >= 4 && header.readUInt32BE(0) === 0x7f454c46;
}

function isElf64(header: Buffer): boolean {
  return hasMagic(header) && header[4] === 2 && header[5] === 1; // ELFCLASS64, ELFDATA2LSB
}

function exactly(source: ByteSource, offset: number, length: number, name: string, what: string): Buffer {
  const bytes = source.read(offset, length);
  if (bytes.length !== length) throw damaged(name, `${what} reach beyond the end of the file`);
  return bytes;
}

function safe(value: bigint, name: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(name, 'an offset beyond every file');
  return Number(value);
}

function withSource<T>(path: string, use: (source: ByteSource) => T): T {
  // O_NONBLOCK: the open of a FIFO with nobody at its other end would wait for ever.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw unsupported(path, 'not a regular file');
    const { size } = stats;
    return use({
      size,
      read: (offset, length) => {
        const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
        return bytes.subarray(0, bytes.length === 0 ? 0 : readSync(descriptor, bytes, 0, bytes.length, offset));
      },
    });
  } finally {
    closeSync(descriptor);
  }
}

function damaged(name: string, what: string): TsrunError {
  return new TsrunError('unsupported', `read ${name}: damaged ELF file: ${what}`, { code: 'ENOEXEC' });
}

function unsupported(name: string, what: string): TsrunError {
  return new TsrunError('unsupported', `read ${name}: ${what}`, { code: 'ENOEXEC' });
}
