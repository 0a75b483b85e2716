/* init_test.c: the role init as PID 1 of a pid namespace. */
#include <sched.h>
#include <sys/ioctl.h>
#include "check.h"

static const char *monitor = "build/tsrun-monitor";

struct inside {
  pid_t init; /* as seen from outside */
  int input, output;
};

/* Runs `init words…` as PID 1; its stdin and stdout are pipes, or slave if that is not -1. */
static struct inside start(int slave, char *const words[]) {
  if (unshare(CLONE_NEWPID)) skip("needs root, for a pid namespace");
  int in[2], out[2];
  expect(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
  char *argv[16] = {"tsrun-monitor", "init"};
  for (int i = 0; words[i]; i++) argv[2 + i] = words[i];
  pid_t pid = fork(); /* not spawn: getppid is 0 in there */
  if (!pid) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN); /* init must not trust what it inherits */
    signal(SIGINT, SIG_DFL); /* a script that starts the tests in the background ignores it, and dash could not trap it then */
    setsid();
    dup2(slave < 0 ? in[0] : slave, 0);
    dup2(slave < 0 ? out[1] : slave, 1);
    if (slave >= 0) ioctl(0, TIOCSCTTY, 0);
    execv(monitor, argv);
    _exit(99);
  }
  close(in[0]), close(out[1]);
  return (struct inside){pid, in[1], out[0]};
}

static struct inside start_shell(char *script) { return start(-1, (char *[]){"/no/such/sh", "/bin/sh", "--", "sh", "-c", script, 0}); }

static int exit_code(struct inside inside) {
  int status = 0;
  expect(waitpid(inside.init, &status, 0) == inside.init);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void wait_for_word(int fd) {
  char bytes[64];
  ssize_t count;
  do expect((count = read(fd, bytes, sizeof bytes)) > 0);
  while (!memchr(bytes, '\n', (size_t)count));
}

static void ends_with_the_commands_code(void) { expect_equal(exit_code(start_shell("exit 42")), 42); }
static void ends_with_128_and_the_signal(void) { expect_equal(exit_code(start_shell("kill -9 $$")), 137); }

static void quiet(void) { dup2(open("/dev/null", O_WRONLY), 2); }
static void says_127_for_what_is_not_there(void) {
  quiet();
  expect_equal(exit_code(start(-1, (char *[]){"/no/such", "/etc/passwd/x", "--", "x", 0})), 127);
}
static void says_126_for_what_does_not_execute(void) {
  quiet();
  expect_equal(exit_code(start(-1, (char *[]){"/etc", "/no/such", "--", "x", 0})), 126);
}
static void takes_argv_without_candidates(void) { expect_equal(exit_code(start(-1, (char *[]){"--", "/bin/sh", "-c", "exit 3", 0})), 3); }

static void forwards_signals(void) {
  struct inside inside = start_shell("trap 'exit 7' TERM; echo up; while :; do read line; done");
  wait_for_word(inside.output);
  kill(inside.init, SIGTERM);
  expect_equal(exit_code(inside), 7);
}

/* The number of init's children. */
static int children(pid_t pid) {
  char path[64], text[4096] = {0};
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
  int fd = open(path, O_RDONLY), count = 0;
  if (fd < 0) skip("needs /proc/PID/task/TID/children");
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  for (ssize_t i = 0; i < length; i++) count += text[i] == ' ';
  return count;
}

static void reaps_orphans(void) {
  struct inside inside = start_shell("for i in 1 2 3 4 5 6 7 8 9; do (true & true &); done; echo up; read line; exit 5");
  wait_for_word(inside.output);
  eventually(children(inside.init) == 1);
  expect(write(inside.input, "\n", 1) == 1);
  expect_equal(exit_code(inside), 5);
}

/* It is the command that holds stdout, and not init as well. */
static void lets_the_command_close_its_stdout(void) {
  struct inside inside = start_shell("exec >&-; read line; exit 6");
  char byte;
  expect_equal(read(inside.output, &byte, 1), 0);
  expect(write(inside.input, "\n", 1) == 1);
  expect_equal(exit_code(inside), 6);
}

/* The only child of init waits for something: dash sleeps through a signal that comes just before it reads. */
static int waits(pid_t init) {
  char path[64], text[512] = {0};
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", init, init);
  for (int step = 0; step < 2; step++) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length < 0 ? 0 : length] = 0;
    if (!step) snprintf(path, sizeof path, "/proc/%d/stat", atoi(text));
  }
  const char *name_end = strrchr(text, ')');
  return name_end && name_end[2] == 'S';
}

static void gives_the_terminal_to_the_command(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  expect(master >= 0 && !grantpt(master) && !unlockpt(master));
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct inside inside = start(slave, (char *[]){"/bin/sh", "--", "sh", "-c", "trap 'exit 8' INT; echo up; while :; do read line; done", 0});
  wait_for_word(master);
  eventually(waits(inside.init));
  expect(write(master, "\x03", 1) == 1);
  expect_equal(exit_code(inside), 8);
}

static void passes_no_blocked_signals_on(void) {
  expect_equal(exit_code(start_shell("grep -q '^SigBlk:.0*$' /proc/self/status")), 0);
}

int main(int argc, char **argv) {
  static const struct test tests[] = {
    {"init ends with the command's code", ends_with_the_commands_code},
    {"init ends with 128 and the signal", ends_with_128_and_the_signal},
    {"init says 127 for what is not there", says_127_for_what_is_not_there},
    {"init says 126 for what does not execute", says_126_for_what_does_not_execute},
    {"init takes argv without candidates", takes_argv_without_candidates},
    {"init forwards signals", forwards_signals},
    {"init reaps orphans", reaps_orphans},
    {"init lets the command close its stdout", lets_the_command_close_its_stdout},
    {"init gives the terminal to the command", gives_the_terminal_to_the_command},
    {"init passes no blocked signals on", passes_no_blocked_signals_on},
  };
  if (argc > 1) monitor = argv[1];
  return RUN_ALL(tests);
}
