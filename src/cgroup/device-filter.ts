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

/**
 * cgroup v2 has no devices controller: a small program decides. Its descriptor and the cgroup's are numbers inside a struct, which a
 * plan cannot fill from a slot, so they are put at fixed numbers first.
 */
const FD_CGROUP = 200;
const FD_PROGRAM = 201;

export function deviceFilterSteps(directory: string, rules: readonly DeviceRule[]): Step[] {
  const load = loadAttributes(deviceProgram(rules));
  const attach = Buffer.alloc(ATTR_SIZE);
  attach.writeUInt32LE(FD_CGROUP, 0);
  attach.writeUInt32LE(FD_PROGRAM, 4);
  attach.writeUInt32LE(BPF_CGROUP_DEVICE, 8);
  const shown = `{target_fd=${FD_CGROUP}, attach_bpf_fd=${FD_PROGRAM}, attach_type=BPF_CGROUP_DEVICE}`;
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
    step(
      'dup3',
      { oldfd: slot('filtered'), newfd: FD_CGROUP, flags: O.O_CLOEXEC },
      'at the number that the next call names',
    ),
    step(
      'dup3',
      { oldfd: slot('program'), newfd: FD_PROGRAM, flags: O.O_CLOEXEC },
      'at the number that the next call names',
    ),
    step(
      'bpf',
      { cmd: BPF.BPF_PROG_ATTACH, attr: { bytes: attach, shown }, size: ATTR_SIZE },
      'no device but those of the rules',
    ),
    ...['filtered', 'program'].map((name) => step('close', { fd: slot(name) }, 'done with it')),
    step('close', { fd: FD_CGROUP }, 'done with it'),
    step('close', { fd: FD_PROGRAM }, 'done with it'),
  ];
}
