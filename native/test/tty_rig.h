/* tty_rig.h: the test is the shell, on a pty of its own; another pty is the container's. */
#ifndef TSRUN_TTY_RIG_H
#define TSRUN_TTY_RIG_H
#include <sys/ioctl.h>
#include <termios.h>
#include "relay_rig.h"

static int terminal; /* the other side of the caller's: what a person would see and type */
static int terminal_slave;
static int inner; /* slave of the container's pty */

static inline int open_pty(int *slave) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  expect(master >= 0 && !grantpt(master) && !unlockpt(master));
  *slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  expect(*slave >= 0);
  return master;
}

/* A session with a controlling terminal, as a shell has it: hence a fork, for a group leader cannot call setsid. */
static inline void become_shell(void) {
  pid_t pid = spawn();
  if (pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) raise(WTERMSIG(status));
    _exit(WEXITSTATUS(status));
  }
  alarm(TIME_LIMIT_S);
  expect(setsid() > 0);
  terminal = open_pty(&terminal_slave);
  expect(!ioctl(terminal_slave, TIOCSCTTY, 0));
  signal(SIGTTOU, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  struct winsize size = {.ws_row = 33, .ws_col = 77};
  expect(!ioctl(terminal, TIOCSWINSZ, &size));
}

static void to_foreground(pid_t group) { expect(!tcsetpgrp(terminal_slave, group)); }

static inline struct rig start_on_terminal(const char *letters, int foreground) {
  struct rig rig;
  int control[2], master = open_pty(&inner);
  open_control(control);
  const int fds[8] = {terminal_slave, terminal_slave, terminal_slave, -1, control[1], master, -1, -1};
  rig.control = control[0];
  int gate[2]; /* the relay is only started once it is in the group where the test wants it */
  pair(gate);
  rig.relay = spawn();
  if (!rig.relay) {
    char byte;
    expect(read(gate[0], &byte, 1) == 1);
    signal(SIGTTOU, SIG_DFL), signal(SIGHUP, SIG_DFL);
    place(fds, 8);
    execl(monitor, "tsrun-monitor", "relay", letters, (char *)0);
    _exit(99);
  }
  setpgid(rig.relay, rig.relay);
  if (foreground) to_foreground(rig.relay);
  expect(write(gate[1], "g", 1) == 1);
  close(control[1]), close(master);
  return rig;
}

static inline int is_raw(void) {
  struct termios modes;
  return !tcgetattr(terminal_slave, &modes) && !(modes.c_lflag & (ICANON | ECHO | ISIG)) && !(modes.c_oflag & OPOST);
}

static inline int inner_size_is(int rows, int columns) {
  struct winsize size;
  return !ioctl(inner, TIOCGWINSZ, &size) && size.ws_row == rows && size.ws_col == columns;
}

static inline void inner_raw(void) {
  struct termios modes;
  tcgetattr(inner, &modes);
  cfmakeraw(&modes);
  tcsetattr(inner, TCSANOW, &modes);
}

#endif
