/* hold.c: signals that wait while something is half made.
 *
 * Node has threads. Blocked in one thread alone, a signal to the process goes to another, whose handler would have to run JavaScript,
 * which it cannot before the event loop turns. So the signal is blocked in the thread that calls us, and whichever other thread gets it
 * sends it there. There it stays pending, across an execve(2) too: the relay finds it. */
#include <asm/signal.h>
#include "player.h"

#define SIGNAL_COUNT 64

struct action { u64 handler, flags, restorer, mask; };

static struct {
  u64 set;
  s32 thread;
  struct action before[SIGNAL_COUNT + 1];
} held;

static void pass_on(int signo) {
  s32 self = (s32)sys(gettid);
  if (self == held.thread) return;
  s64 process = sys(getpid);
  sys(tgkill, process, held.thread, signo);
}

#if defined(__x86_64__)
/* This architecture leaves the way back from a handler to the program. */
void hold_return(void) __attribute__((visibility("hidden")));
__asm__(".hidden hold_return\nhold_return:\n  mov $15, %eax\n  syscall\n");
#define RETURN_FLAG SA_RESTORER
#define RETURN_AT ((u64)hold_return)
#else
#define RETURN_FLAG 0
#define RETURN_AT 0
#endif

static s64 release(void) {
  u64 set = held.set;
  held.set = 0;
  for (int signo = 1; signo <= SIGNAL_COUNT; signo++)
    if (set >> (signo - 1) & 1) sys(rt_sigaction, signo, &held.before[signo], 0, sizeof set);
  return sys(rt_sigprocmask, SIG_UNBLOCK, &set, 0, sizeof set); /* what waited comes now */
}

static s64 hold(u64 set) {
  struct action passing = { (u64)pass_on, SA_RESTART | RETURN_FLAG, RETURN_AT, ~0ul };
  held.thread = (s32)sys(gettid);
  for (int signo = 1; signo <= SIGNAL_COUNT; signo++) {
    u64 one = 1ul << (signo - 1);
    if (!(set & one)) continue;
    s64 asked = sys(rt_sigaction, signo, 0, &held.before[signo], sizeof set);
    if (is_error(asked)) return asked;
    if (held.before[signo].handler == (u64)SIG_IGN) continue; /* it stays so; nohup(1) is past: Node sets all back before it begins */
    sys(rt_sigprocmask, SIG_BLOCK, &one, 0, sizeof one);
    sys(rt_sigaction, signo, &passing, 0, sizeof set);
    held.set |= one;
  }
  return 0;
}

s64 hold_signals(u64 set) {
  if (!set) return held.set ? release() : 0;
  if (!held.set) {
    s64 result = hold(set);
    if (is_error(result)) return result;
  }
  u64 pending = 0;
  s64 result = sys(rt_sigpending, &pending, sizeof pending);
  return is_error(result) ? result : (s64)(pending & held.set);
}

s64 check_signals(void) {
  u64 pending = 0;
  s64 result = sys(rt_sigpending, &pending, sizeof pending);
  if (is_error(result)) return result;
  return pending & held.set ? -EINTR_ : 0;
}
