/** Small ELF files for tests: no code, only what a loader reads before it maps anything. elf(5). */
export interface MadeElf {
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
}

const X86_64 = 62;
const ADDRESS = 0x400000;

export function makeElf({ machine = X86_64, interpreter, needed = [], rpath, runpath }: MadeElf): Buffer {
  const names = Buffer.from(`\0${[...needed, rpath, runpath].filter((name) => name !== undefined).join('\0')}\0`);
  const nameAt = (name: string) => BigInt(names.indexOf(`\0${name}\0`) + 1);
  const text = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const headers = 64 + 3 * 56;
  const namesAt = headers + text.length;
  const tags: [bigint, bigint][] = [
    ...needed.map((name): [bigint, bigint] => [1n, nameAt(name)]),
    ...(rpath === undefined ? [] : [[15n, nameAt(rpath)] as [bigint, bigint]]),
    ...(runpath === undefined ? [] : [[29n, nameAt(runpath)] as [bigint, bigint]]),
    [5n, BigInt(ADDRESS + namesAt)],
    [10n, BigInt(names.length)],
    [0n, 0n],
  ];
  const dynamic = Buffer.alloc(tags.length * 16);
  for (const [index, [tag, value]] of tags.entries()) {
    dynamic.writeBigUInt64LE(tag, index * 16);
    dynamic.writeBigUInt64LE(value, index * 16 + 8);
  }
  const dynamicAt = namesAt + names.length;
  const segments = [
    segment(1, 0, ADDRESS, dynamicAt + dynamic.length),
    segment(2, dynamicAt, ADDRESS + dynamicAt, dynamic.length),
    interpreter === undefined ? segment(0, 0, 0, 0) : segment(3, headers, ADDRESS + headers, text.length),
  ];
  return Buffer.concat([header(machine, segments.length), ...segments, text, names, dynamic]);
}

function header(machine: number, segments: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments, 56);
  return bytes;
}

function segment(type: number, offset: number, address: number, size: number): Buffer {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(type, 0);
  bytes.writeBigUInt64LE(BigInt(offset), 8);
  bytes.writeBigUInt64LE(BigInt(address), 16);
  bytes.writeBigUInt64LE(BigInt(size), 32);
  return bytes;
}
