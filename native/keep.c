/* keep.c: the role keep: the parent of a container's PID 1, and all that there is of a container when nobody looks. One loop over one
 * poll(2): the end of PID 1, who connects, what clients say, what the container writes and what it is given to read. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include "keep.h"
#include "monitor.h"

#define REST_AFTER_SECONDS 1
#define SECOND_NS 1000000000ul
#define LOOK_EVERY_NS 50000000
#define CLOCK_MONOTONIC_ 1

struct keeper keeper;
static u64 deaf_until; /* 0: who connects is heard */

/* Where each is in the list that is polled; two places a client follow. */
enum { CHILD, LISTENER, HEALTH, OUTPUT = HEALTH + HEALTH_POLLED, ERRORS, INPUT, STARTER_OUTPUT, STARTER_ERRORS, CLIENTS };
#define POLLED (CLIENTS + 2 * MAX_CLIENTS)

void close_fd(s32 *fd) {
  if (*fd >= 0) sys(close, *fd);
  *fd = -1;
}

void do_not_wait(s64 fd) {
  s64 flags = sys(fcntl, fd, F_GETFL);
  if (!is_error(flags)) sys(fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

static int waits_for_starter(int which) {
  const struct stream *stream = &keeper.streams[which];
  return keeper.clients[0].output[which] >= 0 && (stream->no_room || stream->start < stream->end);
}

static void list_streams(struct pollfd *polled) {
  for (int i = 0; i < STREAMS; i++) {
    int waits = waits_for_starter(i);
    polled[OUTPUT + i] = (struct pollfd){waits ? -1 : keeper.streams[i].fd, POLLIN, 0};
    polled[STARTER_OUTPUT + i] = (struct pollfd){waits ? keeper.clients[0].output[i] : -1, POLLOUT, 0};
  }
  int full = keeper.input_start < keeper.input_end;
  polled[INPUT] = (struct pollfd){full ? keeper.input : -1, POLLOUT, 0};
}

static int list_clients(struct pollfd *polled) {
  int used = CLIENTS;
  int full = keeper.input_start < keeper.input_end;
  for (int i = 0; i < MAX_CLIENTS; i++) {
    const struct client *client = &keeper.clients[i];
    polled[CLIENTS + 2 * i] = (struct pollfd){client->control, POLLIN, 0};
    polled[CLIENTS + 2 * i + 1] = (struct pollfd){full || client->input_read ? -1 : client->input, POLLIN, 0};
    if (client->control >= 0 || client->input >= 0) used = CLIENTS + 2 * i + 2;
  }
  return used;
}

static void serve_streams(const struct pollfd *polled) {
  for (int i = 0; i < STREAMS; i++)
    if (polled[OUTPUT + i].revents || polled[STARTER_OUTPUT + i].revents) carry_output(i);
  if (polled[INPUT].revents) push_input();
}

/* Nothing here makes room when the machine has no memory or no descriptor left, and who waits would wake us again and again. */
static void accept_or_rest(void) {
  s64 error = accept_client();
  if (error && error != -EAGAIN && error != -EINTR && error != -ECONNABORTED) deaf_until = clock_ns(CLOCK_MONOTONIC_) + REST_AFTER_SECONDS * SECOND_NS;
}

static int is_deaf(void) {
  if (deaf_until && clock_ns(CLOCK_MONOTONIC_) >= deaf_until) deaf_until = 0;
  return deaf_until != 0;
}

static void serve_clients(const struct pollfd *polled, int used) {
  for (int i = CLIENTS; i < used; i += 2) {
    struct client *client = &keeper.clients[(i - CLIENTS) / 2];
    /* Input first: what was typed before the client went away is not lost. */
    if (polled[i + 1].revents) carry_input(client);
    if (polled[i].revents) take_messages(client);
  }
  if (polled[LISTENER].revents) accept_or_rest();
}

/* All that the container's processes wrote is in the pipes by now: they are dead, all of them. */
static void drain(void) {
  for (int i = 0; i < STREAMS; i++)
    while (!waits_for_starter(i) && carry_output(i)) continue;
}

/* It has ended, and its clients hear how; who comes from now on is a client of the next run. */
static void say_end(void) {
  if (keeper.again) tell_clients(CONTROL_STAYS, 0);
  tell_clients(CONTROL_EXITED, exit_code(keeper.status));
}

static void leave(void) {
  play_tape(keeper.job.leave_tape, keeper.job.leave_size, keeper.status);
  sys(close, FD_LOCK); /* before the last word: who has heard it finds the container free */
  while (!accept_client()) continue; /* who came meanwhile hears it, too; nobody can any more: the socket has no name now */
  sys(close, FD_LISTENER);
}

static void end_container(s64 status) {
  keeper.ended = 1;
  keeper.status = status;
  end_health();
  close_fd(&keeper.peer);
  drain();
  /* The log is whole before the end is written down: who follows it stops then, and the next run's monitor has it for itself. */
  for (int i = 0; i < STREAMS; i++) if (waits_for_starter(i)) take_rest(i);
  close_log();
  keeper.again = wants_again();
  if (keeper.again) note_waiting(1);
  play_tape(keeper.job.after_tape, keeper.job.after_size, status);
  if (!keeper.again) leave();
  say_end();
}

/* Only the starter is waited for, until it has read what there is. */
static int is_drained(void) {
  drain();
  for (int i = 0; i < STREAMS; i++) if (waits_for_starter(i)) return 0;
  return 1;
}

/* The kernel counts empty places, too, and refuses more than RLIMIT_NOFILE. */
static s64 poll_used(struct pollfd *polled, int count, const struct __kernel_timespec *patience) {
  struct pollfd used[POLLED];
  int places[POLLED], length = 0;
  for (int i = 0; i < count; i++) {
    if (polled[i].fd < 0) continue;
    places[length] = i;
    used[length++] = polled[i];
  }
  s64 ready = sys(ppoll, used, length, patience, 0, 8);
  for (int i = 0; i < length && ready > 0; i++) polled[places[i]].revents = used[i].revents;
  return ready;
}

static const struct __kernel_timespec *until_due(u64 due, u64 most) {
  static struct __kernel_timespec left;
  u64 now = clock_ns(CLOCK_MONOTONIC_), wait = due > now ? due - now : 0;
  if (wait > most) wait = most;
  left = (struct __kernel_timespec){(s64)(wait / SECOND_NS), (s64)(wait % SECOND_NS)};
  return &left;
}

/* While it waits to be started again, somebody may want it to stay stopped. */
static const struct __kernel_timespec *patience(int busy) {
  static const struct __kernel_timespec moment = {REST_AFTER_SECONDS, 0}, pause = {0, LOOK_EVERY_NS};
  if (keeper.ended && keeper.again) return &pause;
  if (health_due_ns()) return until_due(health_due_ns(), busy ? REST_AFTER_SECONDS * SECOND_NS : ~0ul);
  return busy ? &moment : 0;
}

static void wait_and_serve(void) {
  static int busy;
  struct pollfd polled[POLLED];
  polled[CHILD] = (struct pollfd){keeper.ended ? -1 : FD_CHILD, POLLIN, 0};
  int deaf = is_deaf();
  polled[LISTENER] = (struct pollfd){(keeper.ended && !keeper.again) || deaf ? -1 : FD_LISTENER, POLLIN, 0};
  list_health(polled + HEALTH);
  list_streams(polled);
  int used = list_clients(polled);
  s64 ready = poll_used(polled, used, patience(busy || deaf));
  if (ready < 0 && ready != -EINTR) sys(ppoll, 0, 0, patience(1), 0, 8); /* nor is that tried again and again */
  if (ready == 0) rest_streams();
  busy = ready > 0;
  serve_health(polled + HEALTH);
  if (ready <= 0) return;
  serve_streams(polled);
  serve_clients(polled, used);
  if (polled[CHILD].revents) end_container(reap_child());
}

/* 0: it is not started again after all. */
static int live_again(void) {
  u64 at = again_at_ns();
  close_clients();
  while (clock_ns(CLOCK_MONOTONIC_) < at && !is_stopped()) wait_and_serve();
  note_waiting(0);
  keeper.again = !is_stopped();
  if (!keeper.again) {
    leave();
    tell_clients(CONTROL_EXITED, exit_code(keeper.status));
    return 0;
  }
  keeper.ended = 0;
  open_log();
  s64 failed = start_again();
  if (failed) end_container(failed);
  else begin_health();
  return 1;
}

int keep_main(void) {
  if (is_error(begin_job(&keeper.job))) return 125;
  open_streams();
  open_clients();
  let_go_of_stdio();
  begin_health();
  do {
    while (!keeper.ended || !is_drained()) wait_and_serve();
  } while (keeper.again && live_again());
  close_clients();
  return 0;
}
