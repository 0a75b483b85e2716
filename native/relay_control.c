/* relay_control.c: what the relay and the monitor say to each other, and the signals that become such words. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>
#include <linux/time_types.h>
#include "relay.h"

#define MSG_DONTWAIT_ 0x40
#define MSG_NOSIGNAL_ 0x4000
#define WNOHANG 1
#define WCLONE 0x80000000u
#define LOST 125

/* Words that the control socket had no room for yet: signals, a bit each, and the last of each other kind. */
static struct {
  u64 signals;
  struct control words[WORDS];
} unsaid;

void say(const char *text) {
  struct pollfd stderr_has_room = {2, POLLOUT, 0};
  struct __kernel_timespec second = {1, 0};
  sys(ppoll, &stderr_has_room, 1, &second, 0, 8);
  sys(write, 2, text, text_length(text));
}

int has_unsaid(void) {
  for (int i = 0; i < WORDS; i++) if (unsaid.words[i].type) return 1;
  return unsaid.signals != 0;
}

/* 0: there was no room. A monitor that has gone is heard of elsewhere. */
static int send(const struct control *word) {
  return sys(sendto, FD_CONTROL, word, sizeof *word, MSG_DONTWAIT_ | MSG_NOSIGNAL_, 0, 0) != -EAGAIN;
}

void say_unsaid(void) {
  for (int i = 0; i < WORDS && !relay.draining; i++) {
    if (!unsaid.words[i].type) continue;
    if (!send(&unsaid.words[i])) return;
    unsaid.words[i].type = 0;
  }
  for (int signo = 1; signo <= 64 && unsaid.signals && !relay.draining; signo++) {
    struct control word = {CONTROL_SIGNAL, signo};
    if (!(unsaid.signals >> (signo - 1) & 1)) continue;
    if (!send(&word)) return;
    unsaid.signals &= ~(1ul << (signo - 1));
  }
}

void tell_monitor(enum word which, u32 type, s32 value) {
  if (!relay.monitored) return;
  unsaid.words[which] = (struct control){type, value};
  say_unsaid();
}

/* The kernel sends SIGWINCH inside when the size is new. */
void send_window_size(void) {
  struct winsize size;
  for (int fd = 0; fd <= 2; fd++) {
    if (is_error(sys(ioctl, fd, TIOCGWINSZ, &size))) continue;
    s32 value = (s32)((u32)size.ws_row << 16 | size.ws_col);
    if (!relay.monitored) sys(ioctl, FD_TERMINAL, TIOCSWINSZ, &size);
    /* Programs draw anew when the size has changed: it does, twice. */
    if (relay.redraw) send(&(struct control){CONTROL_RESIZE, (s32)((u32)(size.ws_row + 1) << 16 | size.ws_col)});
    relay.redraw = 0;
    tell_monitor(WORD_RESIZE, CONTROL_RESIZE, value);
    return;
  }
}

/* Every signal waits in a descriptor: none interrupts, none is lost, and none of the terminal's stops us at a bad moment. */
void watch_signals(void) {
  u64 all = ~0ul;
  sys(rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
  relay.signals = (int)sys(signalfd4, -1, &all, sizeof all, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* The child of OP_SHARE_MEMORY. The keeper is none of __WCLONE's. */
static void reap_sleeper(void) { sys(wait4, -1, 0, WNOHANG | WCLONE, 0); }

/* Without sig-proxy they mean us, who are then gone as any other program, but for the terminal, which is put right first. */
static void end_by(int signo) {
  u64 one = 1ul << (signo - 1);
  s64 self = sys(getpid);
  terminal_leave_raw();
  sys(kill, self, signo);
  sys(rt_sigprocmask, SIG_UNBLOCK, &one, 0, sizeof one);
}

static void take_signal(int signo) {
  switch (signo) {
    case SIGCHLD: reap_sleeper(); return;
    case SIGPIPE: case SIGURG: return; /* about us, not about the container */
    case SIGWINCH:
      if (relay.tty) send_window_size();
      return;
    case SIGTSTP: case SIGTTIN: case SIGTTOU:
      terminal_leave_raw();
      stop_like(signo);
      resume_terminal();
      return;
    case SIGCONT: resume_terminal(); break;
    case SIGINT: case SIGTERM: case SIGHUP: case SIGQUIT:
      if (relay.draining) relay.done = 1; /* nobody left to forward it to, only a slow reader of ours */
  }
  if (relay.silent && signo == SIGCONT) return;
  if (relay.silent) end_by(signo);
  else unsaid.signals |= 1ul << (signo - 1);
}

void pass_signal(int signo) {
  unsaid.signals |= 1ul << (signo - 1);
  say_unsaid();
}

void take_signals(void) {
  struct signalfd_siginfo info;
  while (sys(read, relay.signals, &info, sizeof info) == sizeof info) take_signal((int)info.ssi_signo);
  say_unsaid();
}

static void take_word(const struct control *word) {
  if (word->type == CONTROL_STAYS) relay.stays = 1;
  if (word->type == CONTROL_EXITED) begin_draining(word->value, 0);
  if (word->type == CONTROL_DROPPED) {
    relay.dropped = 1;
    begin_draining(LOST, 0);
  }
}

void take_control(void) {
  while (!relay.draining) {
    struct control message = {0, 0};
    s64 got = sys(recvfrom, FD_CONTROL, &message, sizeof message, MSG_DONTWAIT_, 0, 0);
    if (got == -EAGAIN) return;
    /* ECONNRESET: the keeper left a word of ours unread; what it said before is still to come. */
    if (got == -EINTR || got == -ECONNRESET) continue;
    if (got <= 0) begin_draining(LOST, 1);
    else if (got == sizeof message) take_word(&message);
  }
}
