/* relay_tty_test.c: the role relay with a terminal. */
#include "tty_rig.h"

static void carries_keys_and_output(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  char text[32] = {0};
  eventually(is_raw());
  expect(inner_size_is(33, 77));
  expect_equal(write(inner, "hello\n", 6), 6);
  expect_equal(read(terminal, text, sizeof text), 7); /* \r\n, from the inner terminal alone */
  inner_raw();
  expect_equal(write(terminal, "\x03", 1), 1); /* ^C is a key like others: the inner terminal decides */
  expect_equal(read(inner, text, sizeof text), 1);
  expect_equal(text[0], 3);
  tell_exited(&rig, 9);
  expect_equal(relay_exit_code(&rig), 9);
}

static void ends_with_the_modes_it_found(int gone) {
  struct termios before, after;
  become_shell();
  expect(!tcgetattr(terminal_slave, &before));
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  if (gone) close(rig.control);
  else tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), gone ? 125 : 0);
  expect(!tcgetattr(terminal_slave, &after));
  expect(before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag && before.c_oflag == after.c_oflag && before.c_cflag == after.c_cflag);
}
static void restores_the_modes(void) { ends_with_the_modes_it_found(0); }
static void restores_the_modes_without_a_monitor(void) { ends_with_the_modes_it_found(1); }

static void forwards_fatal_signals(void) {
  static const int fatal[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  for (int i = 0; i < 4; i++) {
    kill(rig.relay, fatal[i]);
    expect_equal(next_signal(&rig), fatal[i]);
  }
  expect(is_raw());
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
  expect(!is_raw());
}

static void follows_the_window_size(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  struct winsize size = {.ws_row = 50, .ws_col = 120};
  expect(!ioctl(terminal, TIOCSWINSZ, &size)); /* the kernel sends SIGWINCH to the foreground */
  eventually(inner_size_is(50, 120));
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
}

static void stops_and_continues_like_a_job(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  int status = 0;
  kill(rig.relay, SIGTSTP);
  expect(waitpid(rig.relay, &status, WUNTRACED) == rig.relay && WIFSTOPPED(status));
  expect_equal(WSTOPSIG(status), SIGTSTP);
  expect(!is_raw());
  to_foreground(getpgrp());
  struct winsize size = {.ws_row = 20, .ws_col = 40};
  expect(!ioctl(terminal, TIOCSWINSZ, &size));
  to_foreground(rig.relay);
  kill(rig.relay, SIGCONT);
  eventually(is_raw() && inner_size_is(20, 40));
  expect_equal(next_signal(&rig), SIGCONT);
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
  expect(!is_raw());
}

/* SIGSTOP leaves the terminal raw; the modes to go back to are still those of the beginning. */
static void survives_a_sudden_stop(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  int status = 0;
  kill(rig.relay, SIGSTOP);
  expect(waitpid(rig.relay, &status, WUNTRACED) == rig.relay && WIFSTOPPED(status));
  kill(rig.relay, SIGCONT);
  expect_equal(next_signal(&rig), SIGCONT);
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
  expect(!is_raw());
}

static void keeps_its_hands_off_in_the_background(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 0);
  char text[16] = {0};
  expect_equal(write(terminal, "typed\n", 6), 6);
  expect_equal(write(inner, "out\n", 4), 4);
  int seen = 0; /* the echo of what was typed, and then the output */
  while (!memchr(text, 'u', (size_t)seen)) seen += (int)read(terminal, text + seen, sizeof text - (size_t)seen);
  expect(!is_raw());
  to_foreground(rig.relay); /* without a SIGCONT, as for a job that was never stopped */
  eventually(is_raw());
  inner_raw();
  expect(read(inner, text, sizeof text) > 0); /* what was typed has waited */
  to_foreground(getpgrp());
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
  expect(is_raw()); /* it is not the relay's any more: the shell has its own modes */
}

static void does_not_hang_on_stdin_in_the_background(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 0);
  expect_equal(write(terminal, "typed\n", 6), 6);
  tell_exited(&rig, 11);
  expect_equal(relay_exit_code(&rig), 11);
}

static void is_not_raw_without_i(void) {
  become_shell();
  struct rig rig = start_on_terminal("t", 1);
  eventually(inner_size_is(33, 77));
  expect_equal(write(terminal, "\x03", 1), 1);
  expect_equal(next_signal(&rig), SIGINT);
  tell_exited(&rig, 130);
  expect_equal(relay_exit_code(&rig), 130);
}

/* ^S at the caller's: output waits, signals do not. */
static void hears_signals_while_the_terminal_is_held(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  expect(!tcflow(terminal_slave, TCOOFF));
  pid_t feeder = feed(dup(inner), 1, 1 << 20, 65536);
  kill(rig.relay, SIGUSR1);
  expect_equal(next_signal(&rig), SIGUSR1);
  kill(rig.relay, SIGUSR2);
  expect_equal(next_signal(&rig), SIGUSR2);
  kill(feeder, SIGKILL);
  expect(!tcflow(terminal_slave, TCOON));
}

static void delivers_all_that_the_terminal_got(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  eventually(is_raw());
  inner_raw();
  pid_t reader = spawn();
  if (!reader) {
    char bytes[1000];
    long total = 0;
    while (total < 300000) {
      ssize_t count = read(terminal, bytes, sizeof bytes);
      if (count <= 0) _exit(1);
      total += count;
    }
    _exit(0);
  }
  int status = 0;
  waitpid(feed(dup(inner), 2, 300000, 65536), &status, 0);
  tell_exited(&rig, 0);
  close(inner);
  expect_equal(relay_exit_code(&rig), 0);
  expect(waitpid(reader, &status, 0) == reader);
  expect_equal(status, 0);
}

static void outlives_a_closed_inner_terminal(void) {
  become_shell();
  struct rig rig = start_on_terminal("ti", 1);
  char path[64], text[16] = {0};
  eventually(is_raw());
  expect(!ttyname_r(inner, path, sizeof path));
  close(inner);
  for (int i = 0; i < 2; i++) { /* the second answer says that the first round, with its look at the pty, is over */
    kill(rig.relay, SIGUSR1);
    expect_equal(next_signal(&rig), SIGUSR1);
  }
  inner = open(path, O_RDWR | O_NOCTTY);
  inner_raw();
  expect_equal(write(inner, "back", 4), 4);
  expect_equal(read(terminal, text, sizeof text), 4);
  expect_equal(write(terminal, "k", 1), 1);
  expect_equal(read(inner, text, sizeof text), 1);
  tell_exited(&rig, 0);
  expect_equal(relay_exit_code(&rig), 0);
}

int main(int argc, char **argv) {
  static const struct test tests[] = {
    {"relay -t carries keys and output", carries_keys_and_output},
    {"relay -t restores the modes", restores_the_modes},
    {"relay -t restores the modes when the monitor is gone", restores_the_modes_without_a_monitor},
    {"relay -t forwards fatal signals", forwards_fatal_signals},
    {"relay -t follows the window size", follows_the_window_size},
    {"relay -t stops and continues like a job", stops_and_continues_like_a_job},
    {"relay -t survives a sudden stop", survives_a_sudden_stop},
    {"relay -t keeps its hands off in the background", keeps_its_hands_off_in_the_background},
    {"relay -t does not hang on stdin in the background", does_not_hang_on_stdin_in_the_background},
    {"relay -t is not raw without i", is_not_raw_without_i},
    {"relay -t hears signals while the terminal is held", hears_signals_while_the_terminal_is_held},
    {"relay -t delivers all that the terminal got", delivers_all_that_the_terminal_got},
    {"relay -t outlives a closed inner terminal", outlives_a_closed_inner_terminal},
  };
  if (argc > 1) monitor = argv[1];
  return RUN_ALL(tests);
}
