import { AT, BPF, O } from '../kernel/constants.ts';
import { type Struct, slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { DeviceRule } from '../spec/oci.ts';
import { deviceProgram } from './device-program.ts';

const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
const ATTR_SIZE = 48;

/** union bpf_attr for BPF_PROG_LOAD. */
function loadAttributes(program: Buffer): Struct {
  const bytes = Buffer.alloc(ATTR_SIZE);
  bytes.writeUInt32LE(BPF_PROG_TYPE_CGROUP_DEVICE, 0);
  bytes.writeUInt32LE(program.length / 8, 4);
  const shown = `{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt=${program.length / 8}, license="MIT"}`;
  return {
    bytes,
    pointers: [
      [8, program],
      [16, Buffer.from('MIT\0')],
    ],
    shown,
  };
}

/** Byte offsets in union bpf_attr for BPF_PROG_ATTACH. */
const TARGET_FD = 0;
const ATTACH_BPF_FD = 4;
const ATTACH_TYPE = 8;

/**
 * cgroup v2 has no devices controller: a small program decides, attached to the container's cgroup. Played by the monitor-to-be, whose
 * descriptors are its own.
 */
export function deviceFilterSteps(directory: string, rules: readonly DeviceRule[]): Step[] {
  const load = loadAttributes(deviceProgram(rules));
  const bytes = Buffer.alloc(ATTR_SIZE);
  bytes.writeUInt32LE(BPF_CGROUP_DEVICE, ATTACH_TYPE);
  const attach: Struct = { bytes, shown: '{target_fd=filtered, attach_bpf_fd=program, attach_type=BPF_CGROUP_DEVICE}' };
  return [
    step(
      'openat',
      { dirfd: AT.AT_FDCWD, pathname: directory, flags: O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 },
      'the cgroup that the device filter is for',
      { save: 'filtered' },
    ),
    step('bpf', { cmd: BPF.BPF_PROG_LOAD, attr: load, size: ATTR_SIZE }, 'the device rules as a program', {
      save: 'program',
    }),
    step('store', { struct: attach, offset: TARGET_FD, value: slot('filtered') }, 'for the next call'),
    step('store', { struct: attach, offset: ATTACH_BPF_FD, value: slot('program') }, 'for the next call'),
    step('bpf', { cmd: BPF.BPF_PROG_ATTACH, attr: attach, size: ATTR_SIZE }, 'no device but those of the rules'),
  ];
}
