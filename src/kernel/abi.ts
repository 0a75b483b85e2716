/**
 * The numbers of native/abi.h, by name. `test/kernel/abi.test.ts` reads that header and asserts that they are equal.
 */
export const TAPE_MAGIC = 0x4e525354;
export const TAPE_VERSION = 1;
export const TAPE_SLOTS = 64;
export const TAPE_NO_SLOT = 255;
export const SLOT_STATUS = 0;
export const SLOT_FINISHED = 1;
export const SLOT_FIRST_FREE = 2;

/** Byte offsets of `struct tape`. */
export const TAPE = {
  magic: 0,
  version: 4,
  size: 8,
  ops: 12,
  opCount: 16,
  relocs: 20,
  relocCount: 24,
  failedStep: 28,
  failedErrno: 32,
  failedDetail: 36,
  base: 40,
  startedNs: 48,
  finishedNs: 56,
  beside: 64,
  host: 68,
  slots: 72,
  bytes: 72 + TAPE_SLOTS * 8,
} as const;

/** What the library does for its process: HOST_* in native/abi.h. */
export const HOST = { brief: 1, beside: 2 } as const;

/** Byte offsets of `struct op`. */
export const OP = {
  code: 0,
  save: 2,
  okSkip: 3,
  kinds: 4,
  err1: 8,
  err2: 10,
  skip1: 12,
  skip2: 13,
  flags: 14,
  step: 16,
  args: 24,
  bytes: 72,
} as const;

export const ERR_ANY = 0xffff;
export const OPF_IGNORE = 1;
export const OPF_REPLACE = 2;

export const ARG = { imm: 0, data: 1, slot: 2, fdpath: 3, slotaddr: 4 } as const;

export const OPCODE = {
  mount: 1,
  umount2: 2,
  pivot_root: 3,
  sethostname: 4,
  setdomainname: 5,
  unshare: 6,
  setns: 7,
  openat: 8,
  openat2: 9,
  close: 10,
  close_range: 11,
  dup3: 12,
  fcntl: 13,
  mkdirat: 14,
  mknodat: 15,
  symlinkat: 16,
  unlinkat: 17,
  fchdir: 18,
  chdir: 19,
  fchmod: 20,
  fchown: 21,
  write: 22,
  read: 23,
  prctl: 24,
  capset: 25,
  setresuid: 26,
  setresgid: 27,
  setgroups: 28,
  setsid: 29,
  ioctl: 30,
  umask: 31,
  prlimit64: 32,
  seccomp: 33,
  flock: 34,
  renameat2: 35,
  fsync: 36,
  memfd_create: 37,
  socketpair: 38,
  pipe2: 39,
  pidfd_open: 40,
  pidfd_send_signal: 41,
  open_tree: 42,
  move_mount: 43,
  fsopen: 44,
  fsconfig: 45,
  fsmount: 46,
  mount_setattr: 47,
  keyctl: 48,
  bpf: 49,
  statx: 50,
  fchmodat: 51,
  fchownat: 52,
  linkat: 53,
  waitid: 54,
  kill: 55,
  execve: 56,
  fstatfs: 57,
  poll: 58,
  lseek: 59,
  ftruncate: 60,
  getxattr: 61,
  setpriority: 62,
  socket: 63,
  execveat: 64,
  rt_sigprocmask: 65,
  listen: 66,
  clone: 200,
  exec: 201,
  in_root: 202,
  write_file: 203,
  check_device: 204,
  check_cwd: 205,
  check_fs: 206,
  remove_tree: 207,
  send_fd: 208,
  recv_fd: 209,
  record_exit: 211,
  rmdir_cgroup: 212,
  fail_at: 213,
  drop_bounding: 214,
  check_dir: 215,
  unlink_link: 216,
  hold_signals: 217,
  make_dir: 218,
  print_mode: 219,
  exit: 220,
  clone_apart: 221,
  store: 222,
  check_signals: 223,
  record_run: 224,
  link_root: 225,
  share_memory: 226,
  unlink_linked: 227,
  record_event: 228,
  bind_at: 229,
  connect_at: 230,
  send_message: 231,
  oom_base: 232,
  record_exec_end: 233,
  record_start: 235,
  close_opened: 234,
  check_thawed: 236,
} as const;
export type OpName = keyof typeof OPCODE;

export const IN_ROOT = {
  directory: 1,
  makeDir: 2,
  makeFile: 4,
  noSymlinks: 8,
  read: 16,
  regular: 32,
  notRoot: 64,
} as const;
