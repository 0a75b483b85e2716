import { IN_ROOT, type OpName } from '../kernel/abi.ts';
import {
  AT,
  BPF,
  CLONE,
  CLOSE_RANGE,
  F,
  FS_MAGIC,
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
import {
  type ArgumentType,
  choice,
  fd,
  flags,
  hex,
  int,
  octal,
  path,
  pathOrNull,
  type SlotRef,
  strings,
  struct,
  structOrInt,
  text,
  textOrStruct,
} from './arguments.ts';
import type { Step } from './step.ts';

/** Parameters in the order of the call; the names are those of the man pages. */
const call = <P extends Readonly<Record<string, ArgumentType<never>>>>(parameters: P): P => parameters;

const rlimitNames = Object.fromEntries(
  Object.entries(RLIMIT).map(([name, value]) => [`RLIMIT_${name.toUpperCase()}`, value]),
);
const inRootNames = Object.fromEntries(
  Object.entries(IN_ROOT).map(([name, value]) => [name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase(), value]),
);

/**
 * Every step there is: one system call each, or one pseudo-step of the player (native/abi.h). From this one table come the names,
 * the types of the arguments, the encoder and the printer: a new kind of step is a line here and a line in the header.
 */
export const STEP_TYPES = {
  mount: call({ source: pathOrNull, target: path, filesystemtype: text, mountflags: flags(MS), data: textOrStruct }),
  umount2: call({ target: path, flags: flags(MNT) }),
  pivot_root: call({ new_root: path, put_old: path }),
  sethostname: call({ name: text, len: int }),
  setdomainname: call({ name: text, len: int }),
  unshare: call({ flags: flags(CLONE) }),
  setns: call({ fd, nstype: flags(CLONE) }),
  openat: call({ dirfd: fd, pathname: path, flags: flags(O), mode: octal }),
  close: call({ fd }),
  close_range: call({ first: int, last: int, flags: flags(CLOSE_RANGE) }),
  dup3: call({ oldfd: fd, newfd: int, flags: flags(O) }),
  fcntl: call({ fd, cmd: choice(F), arg: int }),
  mkdirat: call({ dirfd: fd, pathname: path, mode: octal }),
  mknodat: call({ dirfd: fd, pathname: path, mode: octal, dev: hex }),
  symlinkat: call({ target: text, newdirfd: fd, linkpath: path }),
  unlinkat: call({ dirfd: fd, pathname: path, flags: flags(AT) }),
  fchdir: call({ fd }),
  chdir: call({ path }),
  fchmod: call({ fd, mode: octal }),
  fchown: call({ fd, owner: int, group: int }),
  fchmodat: call({ dirfd: fd, pathname: path, mode: octal }),
  fchownat: call({ dirfd: fd, pathname: path, owner: int, group: int, flags: flags(AT) }),
  write: call({ fd, buf: text, count: int }),
  read: call({ fd, buf: struct, count: int }),
  prctl: call({ option: choice(PR), arg2: int, arg3: int, arg4: int, arg5: int }),
  capset: call({ hdrp: struct, datap: struct }),
  setresuid: call({ ruid: int, euid: int, suid: int }),
  setresgid: call({ rgid: int, egid: int, sgid: int }),
  setgroups: call({ size: int, list: struct }),
  setsid: call({}),
  ioctl: call({ fd, request: choice(IOCTL), arg: structOrInt }),
  umask: call({ mask: octal }),
  prlimit64: call({ pid: int, resource: choice(rlimitNames), new_limit: struct, old_limit: struct }),
  seccomp: call({ operation: int, flags: int, args: struct }),
  flock: call({ fd, operation: flags(LOCK) }),
  renameat2: call({ olddirfd: fd, oldpath: path, newdirfd: fd, newpath: path, flags: int }),
  fsync: call({ fd }),
  memfd_create: call({ name: text, flags: int }),
  socketpair: call({ domain: int, type: int, protocol: int, sv: struct }),
  pipe2: call({ pipefd: struct, flags: flags(O) }),
  pidfd_open: call({ pid: int, flags: int }),
  pidfd_send_signal: call({ pidfd: fd, sig: int, info: struct, flags: int }),
  kill: call({ pid: int, sig: int }),
  open_tree: call({ dirfd: fd, pathname: path, flags: flags({ ...OPEN_TREE, ...AT }) }),
  move_mount: call({ from_dirfd: fd, from_pathname: path, to_dirfd: fd, to_pathname: path, flags: flags(MOVE_MOUNT) }),
  fsopen: call({ fsname: text, flags: int }),
  fsconfig: call({ fd, cmd: int, key: text, value: text, aux: int }),
  fsmount: call({ fsfd: fd, flags: int, attr_flags: int }),
  mount_setattr: call({ dirfd: fd, pathname: path, flags: flags(AT), attr: struct, size: int }),
  keyctl: call({ operation: choice(KEYCTL), arg2: text, arg3: int }),
  bpf: call({ cmd: choice(BPF), attr: struct, size: int }),
  statx: call({ dirfd: fd, pathname: path, flags: flags(AT), mask: int, statxbuf: struct }),
  linkat: call({ olddirfd: fd, oldpath: path, newdirfd: fd, newpath: path, flags: flags(AT) }),
  waitid: call({ idtype: int, id: int, infop: struct, options: int }),
  execve: call({ pathname: path, argv: strings, envp: strings }),
  fstatfs: call({ fd, buf: struct }),
  poll: call({ fds: struct, nfds: int, tmo_p: struct, sigmask: int, sigsetsize: int }),
  lseek: call({ fd, offset: int, whence: int }),
  ftruncate: call({ fd, length: int }),
  getxattr: call({ path, name: text, value: struct, size: int }),
  setpriority: call({ which: int, who: int, prio: int }),
  socket: call({ domain: int, type: int, protocol: int }),
  rt_sigprocmask: call({ how: int, set: struct, oldset: struct, sigsetsize: int }),
  execveat: call({ dirfd: fd, pathname: text, argv: strings, envp: strings, flags: flags(AT) }),

  exec: call({ candidates: strings, argv: strings, envp: strings }),
  in_root: call({ root: fd, path, want: flags(inRootNames) }),
  write_file: call({ dirfd: fd, pathname: path, flags: flags(O), mode: octal, data: text, length: int }),
  make_dir: call({ dirfd: fd, pathname: path, mode: octal }),
  print_mode: call({ fd, text: struct, at: int }),
  check_device: call({ fd, major: int, minor: int }),
  check_cwd: call({}),
  check_dir: call({ fd }),
  check_fs: call({ fd, magic: choice(FS_MAGIC) }),
  remove_tree: call({ dirfd: fd, name: path }),
  unlink_link: call({ dirfd: fd, pathname: path, target: text }),
  send_fd: call({ socket: fd, fd }),
  recv_fd: call({ socket: fd }),
  record_exit: call({ dirfd: fd, name: path, temporary: path, memory_events: pathOrNull }),
  rmdir_cgroup: call({ dirfd: fd, path }),
  fail_at: call({ errno: int }),
  drop_bounding: call({ keep: hex }),
  hold_signals: call({ set: hex }),
  check_signals: call({}),
  record_run: call({ dirfd: fd, pathname: path, temporary: path, head: text, pid: int }),
  link_root: call({ dirfd: fd, pathname: path, pid: int }),
  exit: call({}),
  store: call({ struct, offset: int, value: int }),
} as const satisfies Partial<Record<OpName, unknown>>;

/** clone3 holds a nested plan, so it is not a line of the table. */
export interface CloneArguments {
  flags: number;
  /** The child has a copy of the memory and not the memory: for one that can be seen inside a running container. */
  apart?: boolean;
  /** What the child plays; it must end in `exec`, `execve`, `execveat` or `exit`. */
  child: readonly Step[];
  /** Directory of the cgroup v2 that the child is born in. */
  cgroup: SlotRef | null;
  /** Slot for the child's pidfd. */
  pidfd: SlotRef | null;
}

type ValueOf<A> = A extends ArgumentType<infer T> ? T : never;
export type StepName = keyof typeof STEP_TYPES | 'clone';
export type StepArguments<N extends StepName> = N extends keyof typeof STEP_TYPES
  ? { readonly [K in keyof (typeof STEP_TYPES)[N]]: ValueOf<(typeof STEP_TYPES)[N][K]> }
  : CloneArguments;

const parameters = new Map<StepName, [string, ArgumentType<unknown>][]>();

/** Parameters of a step in the order of the call. */
export function parametersOf(name: Exclude<StepName, 'clone'>): [string, ArgumentType<unknown>][] {
  let known = parameters.get(name);
  if (known === undefined) {
    known = Object.entries(STEP_TYPES[name] as unknown as Record<string, ArgumentType<unknown>>);
    parameters.set(name, known);
  }
  return known;
}
