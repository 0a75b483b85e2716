/* relay.c: the role relay, what the command line becomes: carries bytes and signals between its caller and a container.
 *
 * argv after the role: letters, then the keys that detach or none, as numbers: 16,17.
 *   t the container has a terminal; i the caller's stdin is forwarded; m the other end is a container's monitor (role keep), else an
 *   exec'ed process (role enter); s the caller's signals stay here; r it comes late: a terminal is to be drawn anew */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <linux/time_types.h>
#include "monitor.h"
#include "player.h"
#include "relay.h"

#define BACKGROUND_CHECK_MS 500
#define KEYS_CHECK_MS 100
#define SHUT_WRITING 1

struct relay relay;

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
    if (*letters == 'm') relay.monitored = 1;
    if (*letters == 's') relay.silent = 1;
    if (*letters == 'r') relay.late = relay.redraw = 1;
  }
}

/* A container may close all its ends of the pty and open one again; with one of our own the master never reads EIO meanwhile. */
static void hold_pty_open(void) {
  if (!relay.monitored) sys(ioctl, FD_TERMINAL, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void open_flows(void) {
  /* What the launcher left open must not keep a pipe from ending. */
  sys(close_range, FD_ERRORS + 1, ~0u, 0);
  for (int i = 0; i < FLOWS; i++) relay.flows[i].state = FLOW_ENDED;
  if (relay.interactive) flow_open(&relay.flows[INPUT], 0, FD_INPUT);
  if (relay.tty) {
    hold_pty_open();
    flow_open(&relay.flows[OUTPUT], FD_TERMINAL, 1);
    relay.flows[INPUT].filter = keys_filter;
    send_window_size();
  } else {
    flow_open(&relay.flows[OUTPUT], FD_OUTPUT, 1);
    flow_open(&relay.flows[ERRORS], FD_ERRORS, 2);
  }
  relay.in_background = relay.interactive && relay.flows[INPUT].from.is_terminal;
}

void resume_terminal(void) {
  if (!relay.tty) return;
  if (relay.interactive) terminal_enter_raw();
  send_window_size();
}

/* Shells do not always tell that a job has come to the foreground, so while in the background we look now and then. */
static void follow_foreground(void) {
  struct flow *input = &relay.flows[INPUT];
  if (input->state == FLOW_ENDED || !input->from.is_terminal) return;
  int was = relay.in_background;
  relay.in_background = !terminal_is_foreground();
  if (was && !relay.in_background) resume_terminal();
}

/* The caller's terminal has gone: a window was closed, a line was lost. Whoever does not end by that goes on without us. */
static void hang_up(void) {
  relay.code = 128 + SIGHUP;
  relay.done = relay.hung_up = 1;
  if (!relay.silent) pass_signal(SIGHUP); /* it may not have come yet, or went to our shell */
}

static void end_input(enum flow_result why) {
  relay.in_background = 0; /* no reason to look any more */
  if (why == INPUT_ENDED && relay.tty && relay.monitored && relay.flows[INPUT].from.is_terminal) return hang_up();
  if (!relay.tty) {
    sys(close, FD_INPUT);
    sys(close, 0); /* so that whoever still writes to us learns of it */
  } else if (why == INPUT_ENDED) {
    if (relay.monitored) sys(shutdown, FD_TERMINAL, SHUT_WRITING);
    else type_end_of_file(FD_TERMINAL, relay.flows[INPUT].last);
  }
  if (why == INPUT_ENDED) tell_monitor(WORD_INPUT_ENDED, CONTROL_INPUT_ENDED, 0);
}

static void end_output(enum flow_result why) {
  if (relay.flows[OUTPUT].error) say_write_failed("tsrun: cannot write to stdout: errno ", relay.flows[OUTPUT].error);
  if (why == OUTPUT_GONE && relay.tty && relay.monitored && relay.flows[OUTPUT].to.is_terminal) return hang_up();
  if (why == OUTPUT_GONE) tell_monitor(WORD_OUTPUT_GONE, CONTROL_OUTPUT_GONE, 1);
  if (why == OUTPUT_GONE && relay.late && !relay.draining) {
    relay.code = 128 + SIGPIPE; /* the container goes on, and has others to write to */
    relay.done = 1;
  }
  if (relay.tty && why == INPUT_ENDED) return;
  sys(close, relay.flows[OUTPUT].from.fd); /* SIGPIPE for who writes inside; SIGHUP with a terminal */
  if (relay.tty) relay.flows[INPUT].state = FLOW_ENDED;
  else sys(close, 1);
}

static void end_errors(enum flow_result why) {
  if (why == OUTPUT_GONE) tell_monitor(WORD_ERRORS_GONE, CONTROL_OUTPUT_GONE, 2);
  sys(close, FD_ERRORS); /* stderr itself stays for our own words */
}

static void end_flow(int which, enum flow_result why) {
  relay.flows[which].state = FLOW_ENDED;
  if (which == INPUT) end_input(why);
  if (which == OUTPUT) end_output(why);
  if (which == ERRORS) end_errors(why);
}

/* What a monitor still has for us ends with it; the pipes of an exec'ed process may be held open by others, so the first empty read is
 * the end. */
void begin_draining(int code, int lost) {
  relay.draining = 1;
  relay.code = code;
  relay.lost = lost;
  relay.flows[INPUT].state = FLOW_ENDED;
  if (relay.monitored) return;
  flow_drain(&relay.flows[OUTPUT]);
  flow_drain(&relay.flows[ERRORS]);
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

/* An exec'ed process has its terminal from us: its monitor takes it over, which reads all that it is told. */
static void leave(void) {
  static const struct control leaving = {CONTROL_LEAVING, 0};
  static const s64 master[3] = {FD_TERMINAL, -1, -1};
  struct pollfd room = {FD_CONTROL, POLLOUT, 0};
  relay.detached = relay.done = 1;
  if (relay.monitored) return;
  while (send_message(FD_CONTROL, &leaving, master) == -EAGAIN) sys(ppoll, &room, 1, 0, 0, 8);
}

/* Keys that were held back for too long were typed for the container; all of the keys that detach end this, once what was typed before
 * them is on its way. */
static void follow_keys(void) {
  struct flow *input = &relay.flows[INPUT];
  if (input->state != FLOW_WAITS_FOR_INPUT) return;
  if (keys_are_late()) flow_put(input, keys_release);
  if (keys_detach()) leave();
}

static const struct __kernel_timespec *patience(int at_once) {
  static const struct __kernel_timespec none = {0, 0}, a_moment = {0, BACKGROUND_CHECK_MS * 1000000}, keys = {0, KEYS_CHECK_MS * 1000000};
  if (at_once) return &none;
  if (keys_are_held()) return &keys;
  return relay.in_background ? &a_moment : 0;
}

static void wait_and_act(void) {
  struct pollfd polled[2 + 2 * FLOWS] = {
    {relay.signals, POLLIN, 0},
    {relay.draining ? -1 : FD_CONTROL, (short)(has_unsaid() ? POLLIN | POLLOUT : POLLIN), 0},
  };
  int at_once = 0;
  for (int i = 0; i < FLOWS; i++) {
    const struct flow *flow = &relay.flows[i];
    polled[2 + 2 * i] = (struct pollfd){may_read(i) ? flow->from.fd : -1, POLLIN, 0};
    polled[3 + 2 * i] = (struct pollfd){flow->state != FLOW_ENDED ? flow->to.fd : -1, flow->state == FLOW_WAITS_FOR_ROOM ? POLLOUT : 0, 0};
    at_once |= relay.draining && !relay.monitored && flow->state != FLOW_WAITS_FOR_ROOM;
  }
  s64 count = sys(ppoll, polled, 2 + 2 * FLOWS, patience(at_once), 0, 8);
  if (is_error(count)) return;
  take_signals();
  take_control();
  move_bytes(polled + 2);
  follow_keys();
}

/* The keeper is a child of ours, by the command line that we were; it ends right after its last word. An attached relay has none. */
static void reap_keeper(void) {
  while (sys(wait4, -1, 0, 0, 0) == -EINTR) continue;
}

int relay_main(int argc, char **argv) {
  read_letters(argc > 2 ? argv[2] : "");
  keys_open(argc > 3 ? argv[3] : "");
  watch_signals();
  open_flows();
  while (!relay.done) {
    follow_foreground();
    wait_and_act();
  }
  terminal_leave_raw();
  if (relay.detached) say("read escape sequence\n");
  else if (relay.lost) say("tsrun: the monitor of this container is gone; its command may still run\n");
  else if (relay.dropped) say("tsrun: dropped: the container wrote faster than was read here; it goes on\n");
  else if (!relay.hung_up && !relay.stays) reap_keeper();
  return relay.code;
}
