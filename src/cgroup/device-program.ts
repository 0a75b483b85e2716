import type { DeviceRule } from '../spec/oci.ts';

/** eBPF instructions that the program needs: include/uapi/linux/bpf.h, bpf_common.h. */
const LDX_MEM_W = 0x61;
const MOV_REG = 0xbf;
const MOV_IMM = 0xb7;
const AND_IMM32 = 0x54;
const RSH_IMM32 = 0x74;
const MOV_REG32 = 0xbc;
const JNE_IMM = 0x55;
const JNE_REG = 0x5d;
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
const PROLOGUE = [
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

/** One rule: jump over its answer as soon as something does not match. */
function ruleBlock(rule: DeviceRule): Buffer[] {
  const tests: Buffer[][] = [];
  const type = TYPE[rule.type ?? 'a'];
  const access = [...(rule.access || 'rwm')].reduce((mask, letter) => mask | (ACCESS[letter] ?? 0), 0);
  if (type !== undefined) tests.push([instruction(JNE_IMM, 2, 0, 0, type)]);
  if (access !== 7)
    tests.push([
      instruction(MOV_REG32, 1, 3, 0, 0),
      instruction(AND_IMM32, 1, 0, 0, access),
      instruction(JNE_REG, 1, 3, 0, 0),
    ]);
  if (rule.major !== undefined && rule.major >= 0) tests.push([instruction(JNE_IMM, 4, 0, 0, rule.major)]);
  if (rule.minor !== undefined && rule.minor >= 0) tests.push([instruction(JNE_IMM, 5, 0, 0, rule.minor)]);
  const block = [...tests.flat(), ...answer(rule.allow)];
  block.forEach((bytes, i) => {
    const jumps = bytes[0] === JNE_IMM || bytes[0] === JNE_REG;
    if (jumps) bytes.writeInt16LE(block.length - i - 1, 2);
  });
  return block;
}

/**
 * A BPF_PROG_TYPE_CGROUP_DEVICE program for the rules: cgroup v2 has no devices controller. The last rule that matches decides, so
 * they are tested from the last to the first; a denying rule for all ends the list; what no rule names is denied.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Buffer {
  const from = rules.findLastIndex(({ type }) => (type ?? 'a') === 'a');
  const base = from >= 0 && rules[from]!.allow;
  const tested = rules.slice(from + 1).reverse();
  return Buffer.concat([...PROLOGUE, ...tested.flatMap(ruleBlock), ...answer(base)]);
}
