/* beside.c: plays a tape on a thread of our own while Node goes on.
 *
 * Threads of libuv's pool could do it; but making the pool, and telling JavaScript how it went, takes 0.4 ms of a start. This thread
 * runs freestanding code only: it shares the thread pointer of who made it, and so must never enter libc or take a signal. */
#include <asm/signal.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include "player.h"

#define NOBODY 0
#define CLAIMED (-1)

static struct {
  struct child child; /* first: it is what the thread gets */
  s32 owner;          /* the thread's id; the kernel writes NOBODY when it no longer needs its stack, and wakes one who waits */
  char stack[65536] __attribute__((aligned(16)));
} beside;

static void play_and_end(struct child *child) {
  tape_play(child->tape);
  for (;;) sys(exit, 0);
}

/* One at a time. When there is one already, or none can be had, nobody plays the tape until somebody waits for it. */
void play_beside(struct tape *tape) {
  s32 nobody = NOBODY;
  if (!__atomic_compare_exchange_n(&beside.owner, &nobody, CLAIMED, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
  tape->finished_ns = 0;
  beside.child = (struct child){ play_and_end, tape, 0, 0, -1 };
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  args.stack = (u64)beside.stack;
  args.stack_size = sizeof beside.stack;
  args.parent_tid = args.child_tid = (u64)&beside.owner;
  u64 all = ~0ul, before;
  sys(rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &before, sizeof all);
  s64 thread = clone_to_child_main(&args, &beside.child);
  sys(rt_sigprocmask, 2, &before, 0, sizeof before);
  tape->beside = is_error(thread) ? 0 : (u32)thread;
  if (is_error(thread)) __atomic_store_n(&beside.owner, NOBODY, __ATOMIC_RELEASE);
}

/* Until the thread that plays the tape needs its stack no longer: whoever comes next can have one. */
s64 wait_beside(const struct tape *tape) {
  s32 thread = (s32)tape->beside;
  while (__atomic_load_n(&beside.owner, __ATOMIC_ACQUIRE) == thread) sys(futex, &beside.owner, FUTEX_WAIT, thread, 0);
  return tape->finished_ns ? 0 : -EINVAL_; /* not a tape */
}
