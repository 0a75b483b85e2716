import type { DeviceRule } from '../spec/oci.ts';
import { type DeviceException, decide } from './devices.ts';

/** eBPF instructions that the program needs: include/uapi/linux/bpf.h, bpf_common.h. */
const LDX_MEM_W = 0x61;
const MOV_REG = 0xbf;
const MOV_IMM = 0xb7;
const AND_IMM32 = 0x54;
const RSH_IMM32 = 0x74;
const MOV_REG32 = 0xbc;
const JNE_IMM = 0x55;
const JNE_REG = 0x5d;
const JEQ_IMM = 0x15;
const EXIT = 0x95;

const ACCESS: Record<string, number> = { m: 1, r: 2, w: 4 };
const TYPE: Record<string, number> = { b: 1, c: 2 };

function instruction(code: number, dst: number, src: number, offset: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = code;
  bytes[1] = dst | (src << 4);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

/** Registers: r2 device type, r3 access wanted, r4 major, r5 minor. */
const prologue = (): Buffer[] => [
  instruction(LDX_MEM_W, 2, 1, 0, 0),
  instruction(MOV_REG, 3, 2, 0, 0),
  instruction(RSH_IMM32, 3, 0, 0, 16),
  instruction(AND_IMM32, 2, 0, 0, 0xffff),
  instruction(LDX_MEM_W, 4, 1, 4, 0),
  instruction(LDX_MEM_W, 5, 1, 8, 0),
];
const answer = (allow: boolean): Buffer[] => [
  instruction(MOV_IMM, 0, 0, 0, allow ? 1 : 0),
  instruction(EXIT, 0, 0, 0, 0),
];

/**
 * May it be decided by this exception? An allowed device must be allowed all that is wanted; a denied one is denied as soon as
 * something of it is.
 */
function accessTest(mask: number, allowed: boolean): Buffer[] {
  if (mask === 7) return [];
  const wanted = [instruction(MOV_REG32, 1, 3, 0, 0), instruction(AND_IMM32, 1, 0, 0, mask)];
  return [...wanted, allowed ? instruction(JNE_REG, 1, 3, 0, 0) : instruction(JEQ_IMM, 1, 0, 0, 0)];
}

/** One exception: jump over its answer as soon as something does not match. */
function exceptionBlock({ type, major, minor, access }: DeviceException, allowed: boolean): Buffer[] {
  const mask = [...access].reduce((all, letter) => all | (ACCESS[letter] ?? 0), 0);
  const block = [
    instruction(JNE_IMM, 2, 0, 0, TYPE[type] ?? 0),
    ...accessTest(mask, allowed),
    ...(major === undefined ? [] : [instruction(JNE_IMM, 4, 0, 0, major)]),
    ...(minor === undefined ? [] : [instruction(JNE_IMM, 5, 0, 0, minor)]),
    ...answer(allowed),
  ];
  block.forEach((bytes, i) => {
    const jumps = bytes[0] === JNE_IMM || bytes[0] === JNE_REG || bytes[0] === JEQ_IMM;
    if (jumps) bytes.writeInt16LE(block.length - i - 1, 2);
  });
  return block;
}

/** A BPF_PROG_TYPE_CGROUP_DEVICE program that decides as the v1 controller would: cgroup v2 has none. */
export function deviceProgram(rules: readonly DeviceRule[]): Buffer {
  const { allow, exceptions } = decide(rules);
  return Buffer.concat([
    ...prologue(),
    ...exceptions.flatMap((exception) => exceptionBlock(exception, !allow)),
    ...answer(allow),
  ]);
}
