/* relay_test.c: the role relay without a terminal. */
#include <poll.h>
#include <sys/ioctl.h>
#include "relay_rig.h"

static void expect_child_well(pid_t pid) {
  int status = 0;
  expect(waitpid(pid, &status, 0) == pid);
  expect_equal(status, 0);
}

static void carries_a_mebibyte_each_way(void) {
  struct rig rig = start_piped("i", 0);
  pid_t feeders[3] = {
    feed(rig.caller[0], 1, MEBIBYTE, 65536), feed(rig.container[1], 2, MEBIBYTE, 4095), feed(rig.container[2], 3, MEBIBYTE, 777),
  };
  pid_t error_reader = spawn();
  if (!error_reader) _exit(read_noise(rig.caller[2], 3, 5000) != MEBIBYTE);
  pid_t input_reader = spawn();
  if (!input_reader) _exit(read_noise(rig.container[0], 1, 65536) != MEBIBYTE); /* and so it saw the half-close */
  expect_equal(read_noise(rig.caller[1], 2, 65536), MEBIBYTE);
  for (int i = 0; i < 3; i++) expect_child_well(feeders[i]);
  expect_child_well(input_reader);
  tell_exited(&rig, 3);
  expect_equal(relay_exit_code(&rig), 3);
  close(rig.caller[2]);
  expect_child_well(error_reader);
}

static void carries_through_sockets(void) {
  int in[2], out[2];
  expect(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out));
  const int stdio[3] = {in[0], out[0], open("/dev/null", O_WRONLY)};
  struct rig rig = start_piped("i", stdio);
  close(in[0]), close(out[0]);
  feed(in[1], 4, MEBIBYTE, 10000);
  expect_equal(read_noise(rig.container[0], 4, 65536), MEBIBYTE);
  feed(rig.container[1], 5, MEBIBYTE, 10000);
  expect_equal(read_noise(out[1], 5, 1000), MEBIBYTE);
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
}

static void writes_files_also_in_append_mode(int flags) {
  char path[] = "/tmp/tsrun-relay-XXXXXX";
  close(mkstemp(path));
  const int stdio[3] = {open("/dev/null", O_RDONLY), open(path, O_WRONLY | flags), open("/dev/null", O_WRONLY)};
  int reader = open(path, O_RDONLY);
  unlink(path);
  struct rig rig = start_piped("i", stdio);
  expect_child_well(feed(rig.container[1], 6, MEBIBYTE, 30000));
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
  expect_equal(read_noise(reader, 6, 65536), MEBIBYTE);
  expect_equal(read(rig.container[0], path, 1), 0); /* /dev/null as stdin ends at once */
}
static void writes_a_file(void) { writes_files_also_in_append_mode(0); }
static void writes_a_file_in_append_mode(void) { writes_files_also_in_append_mode(O_APPEND); }

static void keeps_stdout_and_stderr_apart(void) {
  struct rig rig = start_piped("", 0);
  char text[16] = {0};
  expect(write(rig.container[2], "to stderr", 9) == 9 && write(rig.container[1], "to stdout", 9) == 9);
  expect_equal(read(rig.caller[1], text, sizeof text), 9);
  expect(!strcmp(text, "to stdout"));
  expect_equal(read(rig.caller[2], text, sizeof text), 9);
  expect(!strcmp(text, "to stderr"));
  tell_exited(&rig, 137);
  expect_equal(relay_exit_code(&rig), 137);
}

static void leaves_stdin_alone_without_i(void) {
  int in[2];
  pair(in);
  expect(write(in[1], "mine", 4) == 4);
  const int stdio[3] = {in[0], open("/dev/null", O_WRONLY), open("/dev/null", O_WRONLY)};
  struct rig rig = start_piped("", stdio);
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
  char text[8];
  expect_equal(read(in[0], text, sizeof text), 4);
}

/* O_NONBLOCK belongs to the description, which the shell and its other programs share. */
static void leaves_the_callers_descriptors_blocking(void) {
  int in[2], out[2];
  pair(in), pair(out);
  const int stdio[3] = {in[0], out[1], out[1]};
  struct rig rig = start_piped("i", stdio);
  expect(write(in[1], "x", 1) == 1);
  char byte;
  expect_equal(read(rig.container[0], &byte, 1), 1); /* so it is up and running */
  expect(!(fcntl(in[0], F_GETFL) & O_NONBLOCK) && !(fcntl(out[1], F_GETFL) & O_NONBLOCK));
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
}

static void wait_until_up(const struct rig *rig) {
  char byte;
  expect(write(rig->container[1], "u", 1) == 1 && read(rig->caller[1], &byte, 1) == 1);
}

static void forwards_signals(void) {
  static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGABRT, SIGCONT, 40, 64};
  static const int kept[] = {SIGCHLD, SIGPIPE, SIGURG, SIGWINCH};
  struct rig rig = start_piped("", 0);
  wait_until_up(&rig);
  for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++) kill(rig.relay, kept[i]);
  for (unsigned i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
    expect(kill(rig.relay, forwarded[i]) == 0);
    expect_equal(next_signal(&rig), forwarded[i]);
  }
  tell_exited(&rig, 143);
  expect_equal(relay_exit_code(&rig), 143);
}

/* The reader of stdout sleeps: nothing is lost, signals still pass, and the exit code waits until all is delivered. */
static void serves_a_slow_reader(void) {
  struct rig rig = start_piped("", 0);
  pid_t feeder = feed(rig.container[1], 7, MEBIBYTE / 2, 65536);
  int waiting = 0;
  eventually(!ioctl(rig.caller[1], FIONREAD, &waiting) && waiting >= 65536);
  kill(rig.relay, SIGUSR1);
  expect_equal(next_signal(&rig), SIGUSR1);
  pid_t reader = spawn();
  if (!reader) {
    close(rig.container[1]);
    _exit(read_noise(rig.caller[1], 7, 3000) != MEBIBYTE / 2);
  }
  expect_child_well(feeder);
  tell_exited(&rig, 4);
  expect_equal(relay_exit_code(&rig), 4);
  expect_child_well(reader);
}

static void delivers_what_was_written_before_the_exit(void) {
  struct rig rig = start_piped("", 0);
  wait_until_up(&rig);
  kill(rig.relay, SIGSTOP);
  expect_child_well(feed(dup(rig.container[1]), 8, 60000, 60000)); /* the writer's end stays open, as with a daemon left behind */
  tell_exited(&rig, 5);
  close(rig.control);
  kill(rig.relay, SIGCONT);
  pid_t reader = spawn();
  if (!reader) _exit(read_noise(rig.caller[1], 8, 65536) != 60000);
  expect_equal(relay_exit_code(&rig), 5);
  expect_child_well(reader);
}

static void wait_until_broken(int writer) {
  struct pollfd polled = {writer, 0, 0};
  expect_equal(poll(&polled, 1, -1), 1);
  expect(polled.revents & POLLERR);
}

static void passes_a_closed_stdout_on(void) {
  struct rig rig = start_piped("", 0);
  wait_until_up(&rig);
  close(rig.caller[1]);
  wait_until_broken(rig.container[1]); /* noticed before anything is written, as with a bare pipe */
  char byte;
  expect(write(rig.container[2], "e", 1) == 1);
  expect_equal(read(rig.caller[2], &byte, 1), 1);
  tell_exited(&rig, 6);
  expect_equal(relay_exit_code(&rig), 6);
}

static void passes_a_closed_stdin_on(void) {
  struct rig rig = start_piped("i", 0);
  close(rig.container[0]);
  wait_until_broken(rig.caller[0]);
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
}

static void starts_with_its_stdio_closed(void) {
  const int stdio[3] = {-1, -1, -1};
  struct rig rig = start_piped("i", stdio);
  char byte;
  expect_equal(read(rig.container[0], &byte, 1), 0);
  feed(rig.container[1], 9, MEBIBYTE, 65536); /* goes to /dev/null */
  tell_exited(&rig, 7);
  expect_equal(relay_exit_code(&rig), 7);
}

static void says_that_the_monitor_is_gone(void) {
  struct rig rig = start_piped("i", 0);
  char text[128] = {0};
  close(rig.control);
  expect_equal(relay_exit_code(&rig), 125);
  expect(read(rig.caller[2], text, sizeof text - 1) > 0);
  expect(!strcmp(text, "tsrun: the monitor of this container is gone; its command may still run\n"));
}

/* The keeper ended with a signal of ours unread in its socket: what it sent before must still arrive. */
static void hears_the_exit_after_a_reset(void) {
  struct rig rig = start_piped("", 0);
  wait_until_up(&rig);
  kill(rig.relay, SIGUSR1);
  struct control peeked;
  expect_equal(recv(rig.control, &peeked, sizeof peeked, MSG_PEEK), sizeof peeked);
  kill(rig.relay, SIGSTOP);
  tell_exited(&rig, 8);
  close(rig.control);
  kill(rig.relay, SIGCONT);
  expect_equal(relay_exit_code(&rig), 8);
}

int main(int argc, char **argv) {
  static const struct test tests[] = {
    {"relay carries a mebibyte each way, and the end of stdin", carries_a_mebibyte_each_way},
    {"relay carries through sockets", carries_through_sockets},
    {"relay writes a file", writes_a_file},
    {"relay writes a file in append mode", writes_a_file_in_append_mode},
    {"relay keeps stdout and stderr apart", keeps_stdout_and_stderr_apart},
    {"relay leaves stdin alone without i", leaves_stdin_alone_without_i},
    {"relay leaves the caller's descriptors blocking", leaves_the_callers_descriptors_blocking},
    {"relay forwards signals", forwards_signals},
    {"relay serves a slow reader", serves_a_slow_reader},
    {"relay delivers what was written before the exit", delivers_what_was_written_before_the_exit},
    {"relay passes a closed stdout on", passes_a_closed_stdout_on},
    {"relay passes a closed stdin on", passes_a_closed_stdin_on},
    {"relay starts with its stdio closed", starts_with_its_stdio_closed},
    {"relay says that the monitor is gone", says_that_the_monitor_is_gone},
    {"relay hears the exit after a reset", hears_the_exit_after_a_reset},
  };
  if (argc > 1) monitor = argv[1];
  return RUN_ALL(tests);
}
