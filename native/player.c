/* player.c: plays a tape. One op is one system call, or one of the few pseudo-ops of ops.c. */
#include "player.h"

/* Numbers of the ops that are system calls. arm64 has only the *at variants, so the contract has no others. */
static const u16 call_number[OP_SYSCALL_LAST + 1] = {
  [OP_MOUNT] = __NR_mount, [OP_UMOUNT2] = __NR_umount2, [OP_PIVOT_ROOT] = __NR_pivot_root,
  [OP_SETHOSTNAME] = __NR_sethostname, [OP_SETDOMAINNAME] = __NR_setdomainname,
  [OP_UNSHARE] = __NR_unshare, [OP_SETNS] = __NR_setns,
  [OP_OPENAT] = __NR_openat, [OP_OPENAT2] = __NR_openat2, [OP_CLOSE] = __NR_close, [OP_CLOSE_RANGE] = __NR_close_range,
  [OP_DUP3] = __NR_dup3, [OP_FCNTL] = __NR_fcntl,
  [OP_MKDIRAT] = __NR_mkdirat, [OP_MKNODAT] = __NR_mknodat, [OP_SYMLINKAT] = __NR_symlinkat, [OP_UNLINKAT] = __NR_unlinkat,
  [OP_FCHDIR] = __NR_fchdir, [OP_CHDIR] = __NR_chdir, [OP_FCHMOD] = __NR_fchmod, [OP_FCHOWN] = __NR_fchown,
  [OP_WRITE] = __NR_write, [OP_READ] = __NR_read, [OP_PRCTL] = __NR_prctl, [OP_CAPSET] = __NR_capset,
  [OP_SETRESUID] = __NR_setresuid, [OP_SETRESGID] = __NR_setresgid, [OP_SETGROUPS] = __NR_setgroups,
  [OP_SETSID] = __NR_setsid, [OP_IOCTL] = __NR_ioctl, [OP_UMASK] = __NR_umask, [OP_PRLIMIT64] = __NR_prlimit64,
  [OP_SECCOMP] = __NR_seccomp, [OP_FLOCK] = __NR_flock, [OP_RENAMEAT2] = __NR_renameat2, [OP_FSYNC] = __NR_fsync,
  [OP_MEMFD_CREATE] = __NR_memfd_create, [OP_SOCKETPAIR] = __NR_socketpair, [OP_PIPE2] = __NR_pipe2,
  [OP_PIDFD_OPEN] = __NR_pidfd_open, [OP_PIDFD_SEND_SIGNAL] = __NR_pidfd_send_signal,
  [OP_OPEN_TREE] = __NR_open_tree, [OP_MOVE_MOUNT] = __NR_move_mount, [OP_FSOPEN] = __NR_fsopen,
  [OP_FSCONFIG] = __NR_fsconfig, [OP_FSMOUNT] = __NR_fsmount, [OP_MOUNT_SETATTR] = __NR_mount_setattr,
  [OP_KEYCTL] = __NR_keyctl, [OP_BPF] = __NR_bpf, [OP_STATX] = __NR_statx,
  [OP_FCHMODAT] = __NR_fchmodat, [OP_FCHOWNAT] = __NR_fchownat, [OP_LINKAT] = __NR_linkat,
  [OP_WAITID] = __NR_waitid, [OP_KILL] = __NR_kill, [OP_EXECVE] = __NR_execve, [OP_FSTATFS] = __NR_fstatfs,
  [OP_POLL] = __NR_ppoll, [OP_LSEEK] = __NR_lseek, [OP_FTRUNCATE] = __NR_ftruncate, [OP_GETXATTR] = __NR_getxattr,
  [OP_SETPRIORITY] = __NR_setpriority, [OP_SOCKET] = __NR_socket, [OP_EXECVEAT] = __NR_execveat,
  [OP_RT_SIGPROCMASK] = __NR_rt_sigprocmask,
  [OP_LISTEN] = __NR_listen,
};

#define FDPATH_SIZE 40

static s64 as_fdpath(char *to, s64 fd) {
  static const char prefix[] = "/proc/self/fd/";
  memcpy(to, prefix, sizeof prefix - 1);
  u64 digits = put_decimal(to + sizeof prefix - 1, fd);
  to[sizeof prefix - 1 + digits] = 0;
  return (s64)to;
}

static s64 as_register(struct tape *tape, const struct op *op, int index, char *scratch) {
  u64 raw = op->arg[index];
  switch (op->kinds >> (index * 4) & 15) {
    case ARG_DATA: return (s64)((char *)tape + raw);
    case ARG_SLOT: return tape->slots[raw];
    case ARG_FDPATH: return as_fdpath(scratch, tape->slots[raw]);
    case ARG_SLOTADDR: return (s64)&tape->slots[raw];
    default: return (s64)raw;
  }
}

static s64 call(u16 code, const s64 *arg) {
  return sys6(call_number[code], arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* The verifier of bpf(2) takes milliseconds, and gives up with EAGAIN when it could be told of a signal meanwhile. */
static s64 call_unsignalled(u16 code, const s64 *arg) {
  u64 all = ~0ul, before;
  sys(rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &before, sizeof all);
  s64 result = call(code, arg);
  sys(rt_sigprocmask, 2, &before, 0, sizeof before);
  return result;
}

static s64 play_op(struct tape *tape, const struct op *op) {
  char scratch[6][FDPATH_SIZE];
  s64 arg[6];
  for (int i = 0; i < 6; i++) arg[i] = as_register(tape, op, i, scratch[i]);
  if (op->code > OP_SYSCALL_LAST) return play_pseudo(tape, op, arg);
  if (!op->code) return -ENOSYS_; /* the table has all others; read(2) is number 0 on x86-64 */
  return op->code == OP_BPF ? call_unsignalled(op->code, arg) : call(op->code, arg);
}

/* A slot is 0 until something is saved in it; 0 to 2 are never ours to close. */
static void save_result(struct tape *tape, const struct op *op, s64 result) {
  s64 before = tape->slots[op->save];
  if (op->flags & OPF_REPLACE && before > 2) sys(close, before);
  tape->slots[op->save] = result;
}

static int is_expected(u16 expected, s64 result) {
  return expected && (-result == expected || expected == ERR_ANY);
}

s64 play_ops(struct tape *tape, u64 offset, u64 count) {
  const struct op *ops = (const struct op *)((char *)tape + offset);
  for (u64 i = 0; i < count;) {
    const struct op *op = ops + i;
    s64 result = play_op(tape, op);
    if (!is_error(result)) {
      if (op->save != TAPE_NO_SLOT) save_result(tape, op, result);
      i += 1 + op->ok_skip;
    } else if (is_expected(op->err1, result)) {
      i += 1 + op->skip1;
    } else if (is_expected(op->err2, result)) {
      i += 1 + op->skip2;
    } else if (op->flags & OPF_IGNORE) {
      i += 1;
    } else {
      /* A child that failed has already named its own, deeper step. */
      if (tape->failed_step < 0) {
        tape->failed_step = (s32)op->step;
        tape->failed_errno = (s32)-result;
      }
      return result;
    }
  }
  return 0;
}

void tape_relocate(struct tape *tape) {
  u64 here = (u64)tape;
  if (tape->base == here) return;
  const u32 *reloc = (const u32 *)((char *)tape + tape->relocs);
  for (u32 i = 0; i < tape->reloc_count; i++) *(u64 *)((char *)tape + reloc[i]) += here - tape->base;
  tape->base = here;
}

s64 tape_play(struct tape *tape) {
  if (tape->magic != TAPE_MAGIC || tape->version != TAPE_VERSION) return -EINVAL_;
  tape->failed_step = -1;
  tape->failed_errno = 0;
  tape->failed_detail = 0;
  tape_relocate(tape);
  tape->started_ns = clock_ns(1);
  s64 result = play_ops(tape, tape->ops, tape->op_count);
  /* The last word: whoever sees it, on another thread, sees all that was done before. */
  __atomic_store_n(&tape->finished_ns, clock_ns(1), __ATOMIC_RELEASE);
  return result;
}
