/* relay.c: the role relay, what the command line becomes: carries bytes and signals between its caller and a container.
 *
 * argv after the role: letters: t the container has a terminal (5 is its master), i the caller's stdin is forwarded. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/signalfd.h>
#include <linux/time_types.h>
#include "monitor.h"
#include "relay.h"

#define MSG_DONTWAIT_ 0x40
#define MSG_NOSIGNAL_ 0x4000
#define FD_MASTER 5
#define FD_INPUT 5
#define FD_OUTPUT 6
#define FD_ERRORS 7
#define WNOHANG 1
#define WCLONE 0x80000000u
#define LOST 125
#define BACKGROUND_CHECK_MS 500

enum { INPUT, OUTPUT, ERRORS, FLOWS };

static struct relay {
  int tty, interactive;
  int signals;        /* signalfd */
  int in_background;  /* the caller's terminal is there, but another job has it */
  int draining, done, code, lost;
  u64 to_forward;     /* signals, a bit each, that the control socket had no room for yet */
  struct flow flows[FLOWS];
} relay;

static void say(const char *text) {
  struct pollfd stderr_has_room = {2, POLLOUT, 0};
  struct __kernel_timespec second = {1, 0};
  sys(ppoll, &stderr_has_room, 1, &second, 0, 8);
  sys(write, 2, text, text_length(text));
}

static void say_write_failed(const char *what, s64 error) {
  char number[24];
  u64 length = put_decimal(number, -error);
  number[length] = '\n';
  number[length + 1] = 0;
  say(what);
  say(number);
}

static void read_letters(const char *letters) {
  for (; *letters; letters++) {
    if (*letters == 't') relay.tty = 1;
    if (*letters == 'i') relay.interactive = 1;
  }
}

/* Every signal waits in a descriptor: none interrupts, none is lost, and none of the terminal's stops us at a bad moment. */
static void watch_signals(void) {
  u64 all = ~0ul;
  sys(rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
  relay.signals = (int)sys(signalfd4, -1, &all, sizeof all, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* A container may close all its ends of the pty and open one again; with one of our own the master never reads EIO meanwhile. */
static void hold_pty_open(void) { sys(ioctl, FD_MASTER, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC); }

static void open_flows(void) {
  /* What the launcher left open must not keep a pipe from ending. */
  sys(close_range, FD_ERRORS + 1, ~0u, 0);
  for (int i = 0; i < FLOWS; i++) relay.flows[i].state = FLOW_ENDED;
  if (relay.interactive) flow_open(&relay.flows[INPUT], 0, FD_INPUT);
  if (relay.tty) {
    hold_pty_open();
    flow_open(&relay.flows[OUTPUT], FD_MASTER, 1);
    copy_window_size(FD_MASTER);
  } else {
    flow_open(&relay.flows[OUTPUT], FD_OUTPUT, 1);
    flow_open(&relay.flows[ERRORS], FD_ERRORS, 2);
  }
  relay.in_background = relay.interactive && relay.flows[INPUT].from.is_terminal;
}

static void resume_terminal(void) {
  if (!relay.tty) return;
  if (relay.interactive) terminal_enter_raw();
  copy_window_size(FD_MASTER);
}

/* Shells do not always tell that a job has come to the foreground, so while in the background we look now and then. */
static void follow_foreground(void) {
  struct flow *input = &relay.flows[INPUT];
  if (input->state == FLOW_ENDED || !input->from.is_terminal) return;
  int was = relay.in_background;
  relay.in_background = !terminal_is_foreground();
  if (was && !relay.in_background) resume_terminal();
}

/* ^D for a container with a terminal, when our own input was none: twice, if the line was not at its end. */
static void type_end_of_file(void) {
  struct termios modes;
  if (is_error(sys(ioctl, FD_MASTER, TCGETS, &modes)) || !(modes.c_lflag & ICANON)) return;
  u8 keys[2] = {modes.c_cc[VEOF], modes.c_cc[VEOF]};
  u8 last = relay.flows[INPUT].last;
  sys(write, FD_MASTER, keys, last && last != '\n' ? 2 : 1);
}

static void end_input(enum flow_result why) {
  relay.in_background = 0; /* no reason to look any more */
  if (relay.tty) {
    if (why == INPUT_ENDED) type_end_of_file();
    return;
  }
  sys(close, FD_INPUT);
  sys(close, 0); /* so that whoever still writes to us learns of it */
}

static void end_output(enum flow_result why) {
  if (relay.flows[OUTPUT].error) say_write_failed("tsrun: cannot write to stdout: errno ", relay.flows[OUTPUT].error);
  if (relay.tty && why == INPUT_ENDED) return;
  sys(close, relay.flows[OUTPUT].from.fd); /* SIGPIPE for who writes inside; SIGHUP with a terminal */
  if (relay.tty) relay.flows[INPUT].state = FLOW_ENDED;
  else sys(close, 1);
}

static void end_flow(int which, enum flow_result why) {
  relay.flows[which].state = FLOW_ENDED;
  if (which == INPUT) end_input(why);
  if (which == OUTPUT) end_output(why);
  if (which == ERRORS) sys(close, FD_ERRORS); /* stderr itself stays for our own words */
}

static void begin_draining(int code, int lost) {
  relay.draining = 1;
  relay.code = code;
  relay.lost = lost;
  relay.flows[INPUT].state = FLOW_ENDED;
  flow_drain(&relay.flows[OUTPUT]);
  flow_drain(&relay.flows[ERRORS]);
}

static void forward_signals(void) {
  for (int signo = 1; signo <= 64 && relay.to_forward && !relay.draining; signo++) {
    if (!(relay.to_forward >> (signo - 1) & 1)) continue;
    struct control message = {CONTROL_SIGNAL, signo};
    s64 sent = sys(sendto, FD_CONTROL, &message, sizeof message, MSG_DONTWAIT_ | MSG_NOSIGNAL_, 0, 0);
    if (sent == -EAGAIN) return;
    relay.to_forward &= ~(1ul << (signo - 1));
  }
}

/* The child of OP_SHARE_MEMORY. The keeper is none of __WCLONE's. */
static void reap_sleeper(void) { sys(wait4, -1, 0, WNOHANG | WCLONE, 0); }

static void take_signal(int signo) {
  switch (signo) {
    case SIGCHLD: reap_sleeper(); return;
    case SIGPIPE: case SIGURG: return; /* about us, not about the container */
    case SIGWINCH:
      if (relay.tty) copy_window_size(FD_MASTER);
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
  relay.to_forward |= 1ul << (signo - 1);
}

static void take_signals(void) {
  struct signalfd_siginfo info;
  while (sys(read, relay.signals, &info, sizeof info) == sizeof info) take_signal((int)info.ssi_signo);
  forward_signals();
}

static void take_control(void) {
  while (!relay.draining) {
    struct control message = {0, 0};
    s64 got = sys(recvfrom, FD_CONTROL, &message, sizeof message, MSG_DONTWAIT_, 0, 0);
    if (got == -EAGAIN) return;
    /* ECONNRESET: the keeper left a signal of ours unread; what it said before is still to come. */
    if (got == -EINTR || got == -ECONNRESET) continue;
    if (got <= 0) begin_draining(LOST, 1);
    else if (got == sizeof message && message.type == CONTROL_EXITED) begin_draining(message.value, 0);
  }
}

static int may_read(int which) {
  return relay.flows[which].state == FLOW_WAITS_FOR_INPUT && !(which == INPUT && relay.in_background);
}

static void move_bytes(const struct pollfd *polled) {
  int busy = 0;
  for (int i = 0; i < FLOWS; i++) {
    struct flow *flow = &relay.flows[i];
    if (flow->state == FLOW_ENDED) continue;
    enum flow_result result = NOTHING_TO_READ;
    if (polled[2 * i + 1].revents & (POLLERR | POLLHUP)) result = OUTPUT_GONE; /* known before the next byte, as with a bare pipe */
    else if (polled[2 * i].revents || polled[2 * i + 1].revents || relay.draining) result = flow_move(flow);
    if (result >= INPUT_ENDED) end_flow(i, result);
    busy |= flow->state != FLOW_ENDED;
  }
  if (relay.draining && !busy) relay.done = 1;
}

static void wait_and_act(void) {
  struct pollfd polled[2 + 2 * FLOWS] = {
    {relay.signals, POLLIN, 0},
    {relay.draining ? -1 : FD_CONTROL, (short)(relay.to_forward ? POLLIN | POLLOUT : POLLIN), 0},
  };
  int at_once = 0;
  for (int i = 0; i < FLOWS; i++) {
    const struct flow *flow = &relay.flows[i];
    polled[2 + 2 * i] = (struct pollfd){may_read(i) ? flow->from.fd : -1, POLLIN, 0};
    polled[3 + 2 * i] = (struct pollfd){flow->state != FLOW_ENDED ? flow->to.fd : -1, flow->state == FLOW_WAITS_FOR_ROOM ? POLLOUT : 0, 0};
    at_once |= relay.draining && flow->state != FLOW_WAITS_FOR_ROOM;
  }
  struct __kernel_timespec none = {0, 0}, a_moment = {0, BACKGROUND_CHECK_MS * 1000000};
  s64 count = sys(ppoll, polled, 2 + 2 * FLOWS, at_once ? &none : relay.in_background ? &a_moment : 0, 0, 8);
  if (is_error(count)) return;
  take_signals();
  take_control();
  move_bytes(polled + 2);
}

/* The keeper is a child of ours, by the command line that we were; it ends right after its last word. */
static void reap_keeper(void) {
  while (sys(wait4, -1, 0, 0, 0) == -EINTR) continue;
}

int relay_main(int argc, char **argv) {
  read_letters(argc > 2 ? argv[2] : "");
  watch_signals();
  open_flows();
  while (!relay.done) {
    follow_foreground();
    wait_and_act();
  }
  terminal_leave_raw();
  if (relay.lost) say("tsrun: the monitor of this container is gone; its command may still run\n");
  else reap_keeper();
  return relay.code;
}
