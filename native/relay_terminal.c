/* relay_terminal.c: the caller's terminal: raw mode and back, its size, and stopping like any other job. */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include "relay.h"

static struct {
  struct termios before;
  int raw;
} terminal;

/* A terminal that is not our controlling one (ENOTTY) knows no foreground and stops nobody. */
int terminal_is_foreground(void) {
  s32 foreground = 0;
  if (is_error(sys(ioctl, 0, TIOCGPGRP, &foreground))) return 1;
  return foreground == (s32)sys(getpgid, 0);
}

static void make_raw(struct termios *modes) {
  modes->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  modes->c_oflag &= ~(tcflag_t)OPOST;
  modes->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  modes->c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
  modes->c_cflag |= CS8;
  modes->c_cc[VMIN] = 1;
  modes->c_cc[VTIME] = 0;
}

/* In the background the terminal belongs to another job: hands off. When SIGSTOP took us by surprise the modes were never put back,
 * so what is there now is not what to go back to. */
void terminal_enter_raw(void) {
  if (!terminal_is_foreground()) return;
  struct termios modes;
  if (is_error(sys(ioctl, 0, TCGETS, &modes))) return;
  if (!terminal.raw) terminal.before = modes;
  modes = terminal.before;
  make_raw(&modes);
  if (!is_error(sys(ioctl, 0, TCSETS, &modes))) terminal.raw = 1;
}

/* TCSETS, not TCSETSW or TCSETSF: those wait for output that ^S may hold for ever, and what was typed ahead is the shell's. */
void terminal_leave_raw(void) {
  if (!terminal.raw || !terminal_is_foreground()) return;
  sys(ioctl, 0, TCSETS, &terminal.before);
  terminal.raw = 0;
}

/* ^D for a terminal, when our own input was none: twice, if the line was not at its end. */
void type_end_of_file(int terminal, u8 last) {
  struct termios modes;
  if (is_error(sys(ioctl, terminal, TCGETS, &modes)) || !(modes.c_lflag & ICANON)) return;
  u8 keys[2] = {modes.c_cc[VEOF], modes.c_cc[VEOF]};
  sys(write, terminal, keys, last && last != '\n' ? 2 : 1);
}

/* Stops with the very signal that came, so that the shell reports the right one. Returns once continued; at once in an orphaned group. */
void stop_like(int signo) {
  u64 one = 1ul << (signo - 1);
  s64 self = sys(getpid);
  sys(kill, self, signo);
  sys(rt_sigprocmask, SIG_UNBLOCK, &one, 0, sizeof one);
  sys(rt_sigprocmask, SIG_BLOCK, &one, 0, sizeof one);
}
