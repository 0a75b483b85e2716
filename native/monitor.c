/* monitor.c: where tsrun-monitor starts, and the choice of its role. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include "monitor.h"
#include "sys.h"

/* The kernel leaves argc, argv and envp on the stack, and no return address: hand the stack pointer on. */
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call monitor_start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl monitor_start\n");
#endif

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* With 0-2 closed, the next descriptor opened here would become somebody's output. Inside a container there may be no
 * /dev/null: then nothing can be done, and init opens nothing. */
static void fill_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (sys(fcntl, fd, F_GETFD) != -EBADF) continue;
    sys(openat, AT_FDCWD, "/dev/null", O_RDWR); /* the lowest free number, so it is fd */
  }
}

static int main_(int argc, char **argv, char **envp) {
  fill_standard_descriptors();
  const char *role = argc > 1 ? argv[1] : "";
  if (same(role, "keep")) return keep_main();
  if (same(role, "enter")) return enter_main();
  if (same(role, "relay")) return relay_main(argc, argv);
  if (same(role, "init")) return init_main(argc, argv, envp);
  static const char usage[] = "tsrun-monitor: a part of tsrun that is not started by hand; roles: keep, enter, relay, init\n";
  sys(write, 2, usage, sizeof usage - 1);
  return 125;
}

__attribute__((used, noreturn)) void monitor_start(s64 *stack) {
  int argc = (int)stack[0];
  char **argv = (char **)(stack + 1);
  int code = main_(argc, argv, argv + argc + 1);
  for (;;) sys(exit_group, code);
}
