/* health.c: a container with a health check: when it is made, by whom, and what its results make of the container. Docker's rules.
 *
 * A check is an exec like any other: its own `tsrun-monitor enter`, from the sealed copy, enters the container and keeps the command; we
 * are its launcher. Nothing here waits for it. While the container stands still (pause), so does the time of a check. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/wait.h>
#include "health.h"
#include "keep.h"

#define CLOCK_REALTIME_ 0
#define CLOCK_MONOTONIC_ 1
#define SECOND_NS 1000000000ul
#define DIES_WITHIN_NS SECOND_NS /* a command that was killed; then its monitor goes, too */
#define ENDS_WITHIN_NS (SECOND_NS / 5) /* a container whose processes the kernel has killed */
#define READS_AT_ONCE 17         /* more than a pipe holds; there may be no end of what it writes */
#define KILLED (128 + SIGKILL)
#define MSG_DONTWAIT_ 0x40
#define SHUT_WRITING 1
#define AF_UNIX_ 1
#define SOCK_STREAM_ 1

static struct health health;
static struct {
  s32 control, output; /* of a check that runs */
  s64 pid;             /* its monitor, a child of ours; 0: none runs */
  u64 born, began, due; /* CLOCK_MONOTONIC: PID 1, the check; when the next is to begin, or this one to be over. 0: never */
  int held;            /* it is over, and ended so: */
  s64 code;
  s32 error;
} probe;

static u64 now(void) { return clock_ns(CLOCK_MONOTONIC_); }

static struct health_result *result(void) { return health_result(&health, health.count); }

static u64 interval(void) {
  int young = health.status == HEALTH_STARTING && now() - probe.born < keeper.job.health_start_period;
  return young ? keeper.job.health_start_interval : keeper.job.health_interval;
}

/* Not at the end of time, which is where a sum of two big ones may be. */
static void wait_for(u64 ns) { probe.due = now() + (ns >> 62 ? 1ul << 62 : ns); }

static int is_frozen(void) { return is_error(play_tape(keeper.job.thawed_tape, keeper.job.thawed_size, 0)); }

static void take_output(void) {
  u8 rest[512];
  for (int i = 0; i < READS_AT_ONCE && probe.output >= 0; i++) {
    struct health_result *to = result();
    u32 room = HEALTH_OUTPUT - to->length;
    s64 got = sys(read, probe.output, room ? to->output + to->length : rest, room ? room : sizeof rest);
    if (got == -EAGAIN || got == -EINTR) return;
    if (got <= 0) close_fd(&probe.output);
    else if (room) to->length += (u32)got;
    else to->cut = 1;
  }
}

/* It has said its last word, or must not go on. */
static void let_go(void) {
  close_fd(&probe.control);
  close_fd(&probe.output);
  if (!probe.pid) return;
  sys(kill, probe.pid, SIGKILL);
  while (sys(waitid, P_PID, probe.pid, 0, WEXITED, 0) == -EINTR) continue;
  probe.pid = 0;
  probe.held = 0;
}

static void tell_status(void) {
  if (health.status == HEALTHY) play_tape(keeper.job.healthy_tape, keeper.job.healthy_size, 0);
  else play_tape(keeper.job.unhealthy_tape, keeper.job.unhealthy_size, 0);
}

/* In the start period a failure does not count until there was a success. */
static void count_failure(void) {
  if (health.status == HEALTH_STARTING && probe.began - probe.born < keeper.job.health_start_period) return;
  health.streak++;
}

static void judge(s64 code) {
  enum health_status before = health.status;
  if (code == 0) {
    health.streak = 0;
    health.status = HEALTHY;
  } else {
    count_failure();
    if (health.streak >= keeper.job.health_retries) health.status = UNHEALTHY;
  }
  record_health(FD_DIRECTORY, &health); /* who hears of it finds it there */
  if (health.status != before) tell_status();
}

/* error: why it was not executed. */
static void finish(s64 code, s32 error) {
  struct health_result *made = result();
  take_output();
  if (!probe.held) made->end = clock_ns(CLOCK_REALTIME_);
  let_go();
  made->code = made->late || error ? -1 : code;
  made->error = error;
  health.count++;
  judge(made->code);
  wait_for(interval());
}

/* Both ends of both: ours are kept, its own are in the tape. */
static s64 start(struct tape *tape, s32 control[2], s32 output[2]) {
  tape->slots[keeper.job.probe_control_slot] = control[1];
  tape->slots[keeper.job.probe_stdout_slot] = tape->slots[keeper.job.probe_stderr_slot] = output[1];
  s64 failed = tape_play(tape);
  probe.control = control[0];
  probe.output = output[0];
  do_not_wait(probe.output);
  probe.pid = is_error(failed) ? 0 : tape->slots[keeper.job.probe_pid_slot];
  return failed;
}

static s64 open_and_start(void) {
  s32 control[2] = {-1, -1}, output[2] = {-1, -1};
  struct tape *tape = map_tape(keeper.job.probe_tape, keeper.job.probe_size);
  s64 failed = tape ? sys(socketpair, AF_UNIX_, SOCK_STREAM_ | O_CLOEXEC, 0, control) : -ENOMEM;
  if (!is_error(failed)) failed = sys(pipe2, output, O_CLOEXEC);
  if (!is_error(failed)) failed = start(tape, control, output);
  else close_fd(&control[0]);
  close_fd(&control[1]);
  close_fd(&output[1]);
  if (tape) sys(munmap, tape, keeper.job.probe_size);
  return failed;
}

static void begin_probe(void) {
  struct health_result *made = result();
  made->start = clock_ns(CLOCK_REALTIME_);
  made->length = made->late = made->cut = 0;
  probe.began = now();
  s64 failed = open_and_start();
  if (is_error(failed)) finish(-1, (s32)-failed);
  else wait_for(keeper.job.health_timeout);
}

/* First the command, by its monitor, which then sees that we are gone and tells what else the command has started; then that monitor. */
static void end_late(void) {
  if (result()->late) {
    finish(-1, 0);
    return;
  }
  result()->late = 1;
  tell(probe.control, CONTROL_SIGNAL, SIGKILL);
  sys(shutdown, probe.control, SHUT_WRITING);
  wait_for(DIES_WITHIN_NS);
}

/* With PID 1 the kernel kills all others first: then this is no result at all, as we are about to hear. */
static void hold(s64 code, s32 error) {
  close_fd(&probe.control);
  probe.held = 1;
  result()->end = clock_ns(CLOCK_REALTIME_);
  probe.code = code;
  probe.error = error;
  wait_for(ENDS_WITHIN_NS);
}

static void be_due(void) {
  if (probe.held) finish(probe.code, probe.error);
  else if (is_frozen()) wait_for(probe.pid ? keeper.job.health_timeout : interval());
  else if (probe.pid) end_late();
  else begin_probe();
}

static void take_word(void) {
  struct control message;
  s64 got = sys(recvfrom, probe.control, &message, sizeof message, MSG_DONTWAIT_, 0, 0);
  if (got == -EAGAIN || got == -EINTR) return;
  if (got != sizeof message) hold(-1, EPIPE); /* it was killed */
  else if (message.type == CONTROL_FAILED) hold(-1, message.value);
  else if (message.type != CONTROL_EXITED) return;
  else if (message.value == KILLED && !result()->late) hold(message.value, 0);
  else finish(message.value, 0);
}

void begin_health(void) {
  probe.control = probe.output = -1;
  if (!keeper.job.probe_tape) return;
  probe.born = now();
  health.streak = 0;
  health.status = HEALTH_STARTING;
  if (health.count) record_health(FD_DIRECTORY, &health);
  wait_for(interval());
}

void end_health(void) {
  probe.due = 0;
  let_go();
}

void list_health(struct pollfd *polled) {
  polled[0] = (struct pollfd){probe.control, POLLIN, 0};
  polled[1] = (struct pollfd){probe.output, POLLIN, 0};
}

void serve_health(const struct pollfd *polled) {
  if (polled[1].revents) take_output();
  if (polled[0].revents) take_word();
  if (probe.due && now() >= probe.due) be_due();
}

u64 health_due_ns(void) { return probe.due; }
