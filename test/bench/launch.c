/* launch.c: the lower bound of a launch: the system calls of a start plan, in C, without a plan.
 *
 * plan-to-c.ts turns this machine's start plan into `launch-plan.h`: straight-line calls with their arguments as constants. So both
 * make the same system calls with the same arguments, and what differs is what it costs to hold them as data: encoding the tape,
 * the call through FFI, the player's loop, and that the caller is Node and not 100 KB of C. Checks that are more than one system
 * call (in_root, check_*) are native/'s own functions.
 *
 *   launch JOB-FILE COUNT     starts and awaits COUNT containers, writes ns from the first call to the command's exec, one a line */
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include "player.h"

#define AF_UNIX_ 1
#define SOCK_STREAM_ 1
#define SOCK_CLOEXEC_ 02000000
#define MFD_CLOEXEC_ 1
#define ANY_CHILD 0x40000000 /* __WALL */

static s64 slot[TAPE_SLOTS];
static struct tape scratch; /* for what native/'s functions leave there */

static const char *fdpath(char *to, s64 fd) {
  static const char prefix[] = "/proc/self/fd/";
  memcpy(to, prefix, sizeof prefix - 1);
  to[sizeof prefix - 1 + put_decimal(to + sizeof prefix - 1, fd)] = 0;
  return to;
}

static s64 failed(int step, s64 result) {
  char text[64] = "launch: step ";
  u64 at = 13;
  at += put_decimal(text + at, step);
  memcpy(text + at, " errno ", 7);
  at += 7;
  at += put_decimal(text + at, -result);
  text[at++] = '\n';
  sys(write, 2, text, at);
  return result;
}

static s64 pseudo(int code, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
  struct op op;
  s64 arg[6] = {a, b, c, d, e, f};
  op.code = (u16)code;
  return play_pseudo(&scratch, &op, arg);
}

/* The child goes on where we stand, on our stack, while we sleep (CLONE_VFORK); it only ever calls deeper. */
static __attribute__((noinline)) s64 clone_child(s64 (*child)(void), u64 flags, s64 cgroup, s64 *keep_pidfd) {
  s32 pidfd = -1;
  u64 all = ~0ul, before;
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = flags | CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND | CLONE_PIDFD;
  args.exit_signal = SIGCHLD;
  args.pidfd = (u64)&pidfd;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (u64)cgroup;
  }
  sys(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  s64 dumpable = sys(prctl, PR_GET_DUMPABLE);
  s64 pid = sys(clone3, &args, sizeof args);
  if (pid == 0) {
    struct { u64 handler, flags, restorer, mask; } deflt;
    memset(&deflt, 0, sizeof deflt);
    for (int signo = 1; signo <= 64; signo++) sys(rt_sigaction, signo, &deflt, 0, 8);
    child();
    for (;;) sys(exit_group, 127);
  }
  if (sys(prctl, PR_GET_DUMPABLE) != dumpable) sys(prctl, PR_SET_DUMPABLE, dumpable);
  sys(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
  if (keep_pidfd) *keep_pidfd = pidfd;
  else sys(close, pidfd);
  return pid;
}

#include LAUNCH_PLAN

static void copy_job(const char *path, s64 to) {
  char bytes[4096];
  s64 from = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  for (s64 got; (got = sys(read, from, bytes, sizeof bytes)) > 0;) sys(write, to, bytes, got);
  sys(close, from);
}

static void wait_for_end(s64 control) {
  struct control message;
  while (sys(recvfrom, control, &message, sizeof message, 0, 0, 0) > 0 && message.type != CONTROL_EXITED) {
  }
}

/* A pipe from the container to its monitor, and one from there to us. */
struct stream {
  s32 inner[2], outer[2];
};

static struct stream open_stream(void) {
  struct stream stream;
  sys(pipe2, stream.inner, O_CLOEXEC);
  sys(pipe2, stream.outer, O_CLOEXEC);
  return stream;
}

static int launch_once(const char *job_file) {
  s32 control[2];
  s64 job = sys(memfd_create, "job", MFD_CLOEXEC_);
  sys(socketpair, AF_UNIX_, SOCK_STREAM_ | SOCK_CLOEXEC_, 0, control);
  struct stream out = open_stream(), err = open_stream();
  copy_job(job_file, job);
  slot[GIVEN_control] = control[1];
  slot[GIVEN_job] = job;
  slot[GIVEN_lock] = job; /* any file will do: nobody else wants this lock */
  slot[GIVEN_stdout] = out.inner[1];
  slot[GIVEN_stderr] = err.inner[1];
  slot[GIVEN_kept_stdout] = out.inner[0];
  slot[GIVEN_kept_stderr] = err.inner[0];
  slot[GIVEN_client_stdout] = out.outer[1];
  slot[GIVEN_client_stderr] = err.outer[1];
  u64 begun = clock_ns(1);
  s64 result = run_0();
  u64 took = clock_ns(1) - begun;
  const s64 theirs[] = {control[1], job, out.inner[0], out.inner[1], err.inner[0], err.inner[1], out.outer[1], err.outer[1]};
  const s64 ours[] = {control[0], out.outer[0], err.outer[0]};
  for (u64 i = 0; i < sizeof theirs / sizeof *theirs; i++) sys(close, theirs[i]);
  if (!is_error(result)) wait_for_end(control[0]);
  for (u64 i = 0; i < sizeof ours / sizeof *ours; i++) sys(close, ours[i]);
  sys(wait4, -1, 0, ANY_CHILD, 0);
  char text[24];
  u64 length = put_decimal(text, (s64)took);
  text[length++] = '\n';
  if (!is_error(result)) sys(write, 1, text, length);
  return is_error(result);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call launch_start\n");
#else
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl launch_start\n");
#endif

__attribute__((used, noreturn)) void launch_start(s64 *stack) {
  char **argv = (char **)(stack + 1);
  int count = 0, failures = 0;
  for (const char *digit = argv[2]; *digit; digit++) count = count * 10 + *digit - '0';
  for (int i = 0; i < count && !failures; i++) failures = launch_once(argv[1]);
  for (;;) sys(exit_group, failures);
}
