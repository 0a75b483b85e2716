/* check.h: every test runs in a child of its own, with a time limit, and ends in one line:
 * `ok name`, `not ok name: why` or `skip name: reason`. */
#ifndef TSRUN_CHECK_H
#define TSRUN_CHECK_H
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_LIMIT_S 15
#define SKIPPED 77

struct test {
  const char *name;
  void (*run)(void);
};
static const char *test_name;

#define fail(...) (printf("not ok %s: ", test_name), printf(__VA_ARGS__), printf("\n"), fflush(stdout), _exit(1))
#define skip(reason) (printf("skip %s: %s\n", test_name, reason), fflush(stdout), _exit(SKIPPED))
#define expect(condition) \
  do { \
    if (!(condition)) fail("%s (line %d, errno %d)", #condition, __LINE__, errno); \
  } while (0)
#define expect_equal(actual, wanted) \
  do { \
    long a_ = (long)(actual), w_ = (long)(wanted); \
    if (a_ != w_) fail("%s is %ld, not %ld (line %d)", #actual, a_, w_, __LINE__); \
  } while (0)
/* For what another process does in its own time: looks again until it holds; the time limit ends it otherwise. */
#define eventually(condition) \
  do { \
    while (!(condition)) usleep(1000); \
  } while (0)

/* fork, but the child ends with who made it. */
static inline pid_t spawn(void) {
  pid_t parent = getpid(), pid = fork();
  if (pid) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  return 0;
}

static inline int run_test(const struct test *test) {
  test_name = test->name;
  fflush(stdout);
  pid_t pid = spawn();
  if (pid == 0) {
    setpgid(0, 0); /* so that all it started can be ended with it */
    alarm(TIME_LIMIT_S);
    test->run();
    printf("ok %s\n", test->name);
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  kill(-pid, SIGKILL);
  if (WIFSIGNALED(status)) printf("not ok %s: ended by signal %d%s\n", test->name, WTERMSIG(status), WTERMSIG(status) == SIGALRM ? ", it hangs" : "");
  return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SKIPPED);
}

static inline int run_tests(const struct test *tests, unsigned long count) {
  int failures = 0;
  for (unsigned long i = 0; i < count; i++) failures += !run_test(tests + i);
  return failures ? 1 : 0;
}
#define RUN_ALL(tests) run_tests(tests, sizeof(tests) / sizeof *(tests))

#endif
