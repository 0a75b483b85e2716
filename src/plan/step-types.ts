import type { OpName } from '../kernel/abi.ts';
import type { ArgumentType, ArgumentValues, SlotRef } from './arguments.ts';
import type { Step } from './step.ts';

/** Parameters in the order of the call, each with its type; the names are those of the man pages. */
type ParameterList = ReadonlyArray<readonly [name: string, type: ArgumentType]>;
/** The same as a type: `'fd fd, cmd F'` → `['fd', 'fd'] | ['cmd', 'F']`. */
type ParametersIn<Text> = Text extends `${infer One}, ${infer Rest}`
  ? ParametersIn<One> | ParametersIn<Rest>
  : Text extends `${infer Name} ${infer Type extends ArgumentType}`
    ? [Name, Type]
    : never;

/**
 * Every step there is: one system call each, or one pseudo-step of the player (native/abi.h). From this one table come the names,
 * the types of the arguments, the encoder and the printer: a new kind of step is a line here and a line in the header.
 *
 * Texts, which are taken apart when a step is met: as lists they were six hundred objects that V8 made at every start.
 */
export const STEP_TYPES = {
  mount: 'source pathOrNull, target path, filesystemtype text, mountflags MS, data textOrStruct',
  umount2: 'target path, flags MNT',
  pivot_root: 'new_root path, put_old path',
  sethostname: 'name text, len int',
  setdomainname: 'name text, len int',
  unshare: 'flags CLONE',
  setns: 'fd fd, nstype CLONE',
  openat: 'dirfd fd, pathname path, flags O, mode octal',
  close: 'fd fd',
  close_range: 'first int, last int, flags CLOSE_RANGE',
  dup3: 'oldfd fd, newfd int, flags O',
  fcntl: 'fd fd, cmd F, arg int',
  mkdirat: 'dirfd fd, pathname path, mode octal',
  mknodat: 'dirfd fd, pathname path, mode octal, dev hex',
  symlinkat: 'target text, newdirfd fd, linkpath path',
  unlinkat: 'dirfd fd, pathname path, flags AT',
  fchdir: 'fd fd',
  chdir: 'path path',
  fchmod: 'fd fd, mode octal',
  fchown: 'fd fd, owner int, group int',
  fchmodat: 'dirfd fd, pathname path, mode octal',
  fchownat: 'dirfd fd, pathname path, owner int, group int, flags AT',
  write: 'fd fd, buf text, count int',
  read: 'fd fd, buf struct, count int',
  prctl: 'option PR, arg2 int, arg3 int, arg4 int, arg5 int',
  capset: 'hdrp struct, datap struct',
  setresuid: 'ruid int, euid int, suid int',
  setresgid: 'rgid int, egid int, sgid int',
  setgroups: 'size int, list struct',
  setsid: '',
  ioctl: 'fd fd, request IOCTL, arg structOrInt',
  umask: 'mask octal',
  prlimit64: 'pid int, resource RLIMIT, new_limit struct, old_limit struct',
  seccomp: 'operation int, flags int, args struct',
  flock: 'fd fd, operation LOCK',
  renameat2: 'olddirfd fd, oldpath path, newdirfd fd, newpath path, flags int',
  fsync: 'fd fd',
  memfd_create: 'name text, flags int',
  socketpair: 'domain int, type int, protocol int, sv struct',
  pipe2: 'pipefd struct, flags O',
  pidfd_open: 'pid int, flags int',
  pidfd_send_signal: 'pidfd fd, sig int, info struct, flags int',
  kill: 'pid int, sig int',
  open_tree: 'dirfd fd, pathname path, flags OPEN_TREE',
  move_mount: 'from_dirfd fd, from_pathname path, to_dirfd fd, to_pathname path, flags MOVE_MOUNT',
  fsopen: 'fsname text, flags int',
  fsconfig: 'fd fd, cmd int, key text, value text, aux int',
  fsmount: 'fsfd fd, flags int, attr_flags int',
  mount_setattr: 'dirfd fd, pathname path, flags AT, attr struct, size int',
  keyctl: 'operation KEYCTL, arg2 text, arg3 int',
  bpf: 'cmd BPF, attr struct, size int',
  statx: 'dirfd fd, pathname path, flags AT, mask int, statxbuf struct',
  linkat: 'olddirfd fd, oldpath path, newdirfd fd, newpath path, flags AT',
  waitid: 'idtype int, id int, infop struct, options int',
  execve: 'pathname path, argv strings, envp strings',
  fstatfs: 'fd fd, buf struct',
  poll: 'fds struct, nfds int, tmo_p struct, sigmask int, sigsetsize int',
  lseek: 'fd fd, offset int, whence int',
  ftruncate: 'fd fd, length int',
  getxattr: 'path path, name text, value struct, size int',
  setpriority: 'which int, who int, prio int',
  socket: 'domain int, type int, protocol int',
  listen: 'sockfd fd, backlog int',
  rt_sigprocmask: 'how int, set struct, oldset struct, sigsetsize int',
  execveat: 'dirfd fd, pathname text, argv strings, envp strings, flags AT',

  exec: 'candidates strings, argv strings, envp strings',
  in_root: 'root fd, path path, want IN_ROOT',
  write_file: 'dirfd fd, pathname path, flags O, mode octal, data text, length int',
  make_dir: 'dirfd fd, pathname path, mode octal',
  print_mode: 'fd fd, text struct, at int',
  check_device: 'fd fd, major int, minor int',
  check_cwd: '',
  check_dir: 'fd fd',
  check_fs: 'fd fd, magic FS_MAGIC',
  remove_tree: 'dirfd fd, name path',
  unlink_link: 'dirfd fd, pathname path, target text',
  unlink_linked: 'dirfd fd, pathname path, target text',
  send_fd: 'socket fd, fd fd',
  recv_fd: 'socket fd',
  bind_at: 'socket fd, dirfd fd, name path',
  connect_at: 'socket fd, dirfd fd, name path',
  send_message: 'socket fd, message struct, input fd, output fd, errors fd',
  record_exit: 'dirfd fd, name path, temporary path, memory_events pathOrNull',
  oom_base: 'count int',
  rmdir_cgroup: 'dirfd fd, path path',
  fail_at: 'errno int',
  drop_bounding: 'keep hex',
  hold_signals: 'set hex',
  check_signals: '',
  share_memory: '',
  record_run: 'dirfd fd, pathname path, temporary path, head text, pid int',
  record_exec_end: 'dirfd fd, pathname path, temporary path',
  record_event: 'dirfd fd, pathname path, head text, ended int, renamed fd, memory_events pathOrNull',
  close_opened: 'fd fd',
  check_thawed: 'pathname path',
  record_start: 'dirfd fd, pathname path, temporary path, rest text',
  link_root: 'dirfd fd, pathname path, pid int',
  exit: 'status int',
  store: 'struct struct, offset int, value int',
} as const satisfies Partial<Record<OpName, string>>;

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

/** Every step but clone. */
export type CallName = keyof typeof STEP_TYPES;
export type StepName = CallName | 'clone';
export type StepArguments<N extends StepName> = N extends CallName
  ? { readonly [P in ParametersIn<(typeof STEP_TYPES)[N]> as P[0]]: ArgumentValues[P[1]] }
  : CloneArguments;

const taken = new Map<CallName, ParameterList>();

/** Parameters of a step in the order of the call. */
export function parametersOf(name: CallName): ParameterList {
  const known = taken.get(name);
  if (known !== undefined) return known;
  const text = STEP_TYPES[name];
  const parameters = (text === '' ? [] : text.split(', ').map((one) => one.split(' '))) as unknown as ParameterList;
  taken.set(name, parameters);
  return parameters;
}
