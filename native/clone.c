/* clone.c: clone3 with a stack of the child's own, and what ends a child: execve.
 *
 * CLONE_VM|CLONE_VFORK: the child borrows the caller's memory, and the caller sleeps until the child has executed or ended.
 * No page table is copied, so the cost does not grow with the size of Node (facts: 0.2 ms at any size). */
#include <linux/mman.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include "player.h"

#define STACK_SIZE 65536
#define SIGNAL_COUNT 64

struct failure {
  s32 step, error;
  u32 detail;
};

static void set_signal_mask(const u64 *mask, u64 *old) { sys(rt_sigprocmask, 2 /* SIG_SETMASK */, mask, old, 8); }

/* CLONE_CLEAR_SIGHAND leaves ignored signals ignored, and Node ignores SIGPIPE and SIGXFSZ, nohup SIGHUP. */
static void reset_signals(void) {
  struct { u64 handler, flags, restorer, mask; } deflt;
  memset(&deflt, 0, sizeof deflt);
  for (int signo = 1; signo <= SIGNAL_COUNT; signo++) sys(rt_sigaction, signo, &deflt, 0, 8);
}

/* What it cloned executes already, and with it gone nobody would know of that. Nobody else reaps them, so the pids are theirs. */
static void kill_cloned(const struct child *child) {
  const struct tape *tape = child->tape;
  const struct op *ops = (const struct op *)((const char *)tape + child->ops);
  for (u64 i = 0; i < child->count; i++) {
    s64 pid = ops[i].code == OP_CLONE && ops[i].save != TAPE_NO_SLOT ? tape->slots[ops[i].save] : 0;
    if (pid > 0) sys(kill, pid, SIGKILL);
  }
}

static void play_in_child(struct child *child) {
  reset_signals();
  play_ops(child->tape, child->ops, child->count);
  /* Only an exec leaves a run of ops well: who falls off its end has forgotten it. */
  if (child->tape->failed_step < 0) {
    child->tape->failed_step = 0;
    child->tape->failed_errno = ENOSYS_;
  }
  kill_cloned(child);
  struct failure failure = { child->tape->failed_step, child->tape->failed_errno, child->tape->failed_detail };
  if (child->report >= 0) sys(write, child->report, &failure, sizeof failure);
  for (;;) sys(exit_group, 127);
}

__attribute__((noreturn, used, visibility("hidden"))) void child_main(struct child *child) {
  child->main(child);
  for (;;) sys(exit_group, 0);
}

/* The child starts on an empty stack and never returns, so only the parent comes back out of the asm. */
s64 clone_to_child_main(struct clone_args *args, struct child *child) {
#if defined(__x86_64__)
  s64 result;
  register struct child *r12 __asm__("r12") = child;
  __asm__ volatile(
    "syscall\n\t"
    "test %%rax, %%rax\n\t"
    "jnz 1f\n\t"
    "xor %%ebp, %%ebp\n\t"
    "mov %%r12, %%rdi\n\t"
    "call child_main\n"
    "1:"
    : "=a"(result)
    : "a"((s64)__NR_clone3), "D"(args), "S"(sizeof *args), "r"(r12)
    : "rcx", "r11", "memory", "cc");
  return result;
#else
  register s64 x8 __asm__("x8") = __NR_clone3;
  register s64 x0 __asm__("x0") = (s64)args;
  register s64 x1 __asm__("x1") = sizeof *args;
  register struct child *x19 __asm__("x19") = child;
  __asm__ volatile(
    "svc 0\n\t"
    "cbnz x0, 1f\n\t"
    "mov x29, xzr\n\t"
    "mov x0, x19\n\t"
    "bl child_main\n"
    "1:"
    : "+r"(x0)
    : "r"(x8), "r"(x1), "r"(x19)
    : "x2", "x3", "x30", "memory", "cc");
  return x0;
#endif
}

static void reap(s64 pid) {
  while (sys(wait4, pid, 0, 0x40000000 /* __WALL */, 0) == -EINTR_) {
  }
}

static s64 clone_child(struct child *child, u64 flags, s64 cgroup, s32 *pidfd) {
  s64 stack = sys(mmap, 0, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (is_error(stack)) return stack;
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = flags | CLONE_VFORK | CLONE_CLEAR_SIGHAND | CLONE_PIDFD;
  args.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD; /* a sibling has its parent's */
  args.pidfd = (u64)pidfd;
  args.stack = (u64)stack;
  args.stack_size = STACK_SIZE;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (u64)cgroup;
  }
  u64 all = ~0ul, before;
  set_signal_mask(&all, &before);
  /* setuid in a child that shares our memory marks that memory undumpable: put it back as it was. */
  s64 dumpable = sys(prctl, PR_GET_DUMPABLE);
  s64 pid = clone_to_child_main(&args, child);
  if (sys(prctl, PR_GET_DUMPABLE) != dumpable) sys(prctl, PR_SET_DUMPABLE, dumpable);
  set_signal_mask(&before, 0);
  sys(munmap, stack, STACK_SIZE);
  return pid;
}

/* The pid, or the child's own failure. */
static s64 finish_clone(struct tape *tape, const s64 *arg, s64 pid, s32 pidfd) {
  if (is_error(pid)) return pid;
  if (tape->failed_step >= 0) {
    reap(pid);
    sys(close, pidfd);
    return -tape->failed_errno;
  }
  if (arg[4] != TAPE_NO_SLOT) tape->slots[arg[4]] = pidfd;
  else sys(close, pidfd);
  return pid;
}

static s64 cgroup_of(const struct tape *tape, const s64 *arg) { return arg[3] == TAPE_NO_SLOT ? -1 : tape->slots[arg[3]]; }

/* arg: flags, ops offset, op count, cgroup slot, pidfd slot. */
s64 play_clone(struct tape *tape, const s64 *arg) {
  struct child child = { play_in_child, tape, (u64)arg[1], (u64)arg[2], -1 };
  s32 pidfd = -1;
  s64 pid = clone_child(&child, (u64)arg[0] | CLONE_VM, cgroup_of(tape, arg), &pidfd);
  return finish_clone(tape, arg, pid, pidfd);
}

/* The child of a running container's PID namespace can be seen, and with CAP_SYS_PTRACE be written to, by what runs there: so it has a
 * copy of our memory and not our memory, and can tell us nothing but what failed. */
s64 play_clone_apart(struct tape *tape, const s64 *arg) {
  s32 ends[2];
  s64 piped = sys(pipe2, ends, O_CLOEXEC);
  if (is_error(piped)) return piped;
  struct child child = { play_in_child, tape, (u64)arg[1], (u64)arg[2], ends[1] };
  s32 pidfd = -1;
  s64 pid = clone_child(&child, (u64)arg[0], cgroup_of(tape, arg), &pidfd);
  sys(close, ends[1]);
  struct failure failure;
  s64 got = is_error(pid) ? 0 : sys(read, ends[0], &failure, sizeof failure);
  sys(close, ends[0]);
  if (got == sizeof failure) {
    tape->failed_step = failure.step;
    tape->failed_errno = failure.error;
    tape->failed_detail = failure.detail;
  }
  return finish_clone(tape, arg, pid, pidfd);
}

/* What outlives the function that clones it. */
static struct {
  struct child child;
  s32 ends[2]; /* of a pipe whose writing end the exec closes */
  char stack[1024] __attribute__((aligned(16)));
} sleeper;

/* Of a start, with its longest command that does nothing. */
#define BUSY_NS 10000000

static void sleep_until_executed(struct child *child) {
  char byte;
  u64 busy[2] = { 0, BUSY_NS };
  (void)child;
  sys(prctl, PR_SET_PDEATHSIG, SIGKILL);
  sys(close, sleeper.ends[1]); /* by itself: with our own writing end open, reading would never end */
  sys(close_range, 0, sleeper.ends[0] - 1, 0);
  sys(close_range, sleeper.ends[0] + 1, ~0u, 0);
  sys(chdir, "/"); /* who goes on when the relay has ended may unmount what it was started in */
  sys(read, sleeper.ends[0], &byte, 1);
  sys(nanosleep, busy);
}

/* An exec gives back what the caller had, page by page, before the new program begins: 3 ms for Node's. Unless somebody else has it, too.
 * It gives it back when the first, busiest moments of the container are past, or the caller is gone: the kernel hardly lets go of the
 * processor meanwhile, and one start in four lost 2 ms to it.
 * The child holds nothing but memory, and an exec that fails ends it with the process. It has no signal for its end, so that only
 * __WCLONE waits for it; who has executed is told of all children by SIGCHLD. */
s64 share_memory(void) {
  if (is_error(sys(pipe2, sleeper.ends, O_CLOEXEC))) return 0;
  sleeper.child.main = sleep_until_executed;
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = CLONE_VM | CLONE_CLEAR_SIGHAND;
  args.stack = (u64)sleeper.stack;
  args.stack_size = sizeof sleeper.stack;
  u64 all = ~0ul, before;
  set_signal_mask(&all, &before);
  clone_to_child_main(&args, &sleeper.child);
  set_signal_mask(&before, 0);
  sys(close, sleeper.ends[0]);
  return 0;
}

/* arg: candidates, argv, envp. The search goes on after a name that is not there, as execvp(3) does, and remembers EACCES. */
s64 play_exec(struct tape *tape, const s64 *arg) {
  char **candidates = (char **)arg[0];
  s64 result = -ENOENT_, denied = 0;
  u32 denied_at = 0;
  u64 none = 0;
  set_signal_mask(&none, 0); /* last of all: nothing of the caller's is inherited */
  for (u32 i = 0; candidates[i]; i++) {
    tape->failed_detail = i;
    result = sys(execve, candidates[i], arg[1], arg[2]);
    if (result == -EACCES_) denied = result, denied_at = i;
    else if (result != -ENOENT_ && result != -ENOTDIR_) break;
  }
  u64 all = ~0ul;
  set_signal_mask(&all, 0);
  if (denied && (result == -ENOENT_ || result == -ENOTDIR_)) {
    tape->failed_detail = denied_at; /* the one to blame, not the last that was tried */
    return denied;
  }
  return result == -ENOTDIR_ && candidates[0] && !candidates[1] ? -ENOTDIR_ : result == -ENOTDIR_ ? -ENOENT_ : result;
}
