/* restart.c: a container with a restart policy: whether, when and how PID 1 is started once more, by the monitor that has seen its end. */
#include <linux/fcntl.h>
#include "keep.h"

#define CLOCK_MONOTONIC_ 1
#define MILLISECOND 1000000ul
#define FIRST_PAUSE (100 * MILLISECOND)
#define LONGEST_PAUSE (60000 * MILLISECOND)
#define LONG_ENOUGH (10000 * MILLISECOND) /* who has run for so long is as good as new */
#define CANNOT_EXECUTE 126
#define NOT_FOUND 127

static struct {
  u64 pause, started_ns;
  u32 count;
} restarts;

static void note(const char *name, const char *text) {
  s64 fd = sys(openat, FD_DIRECTORY, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (is_error(fd)) return;
  sys(write, fd, text, text_length(text));
  sys(close, fd);
}

void note_waiting(int waits) {
  if (waits) note("restarting", "");
  else sys(unlinkat, FD_DIRECTORY, "restarting", 0);
}

static void note_count(void) {
  char text[24];
  text[put_decimal(text, restarts.count)] = 0;
  note("restarts", text);
}

int is_stopped(void) { return sys(faccessat, FD_DIRECTORY, "stopped", 0) == 0; }

int wants_again(void) {
  const struct job *job = &keeper.job;
  if (job->restart == RESTART_NO || is_stopped()) return 0;
  if (job->restart == RESTART_ALWAYS) return 1;
  return exit_code(keeper.status) != 0 && (!job->retries || restarts.count < job->retries);
}

/* Docker's: a tenth of a second, and twice as long each time. */
u64 again_at_ns(void) {
  u64 now = clock_ns(CLOCK_MONOTONIC_);
  if (!restarts.pause || now - restarts.started_ns > LONG_ENOUGH) restarts.pause = FIRST_PAUSE;
  else restarts.pause = restarts.pause * 2 > LONGEST_PAUSE ? LONGEST_PAUSE : restarts.pause * 2;
  return now + restarts.pause;
}

/* theirs: for PID 1. */
static s64 open_pipe(s32 *ours, s64 *theirs, int writes) {
  s32 ends[2];
  s64 result = sys(pipe2, ends, O_CLOEXEC);
  if (is_error(result)) return result;
  *ours = ends[writes];
  *theirs = ends[!writes];
  return 0;
}

struct ends {
  s32 ours[3];
  s64 theirs[3];
};

static s64 open_ends(struct ends *ends) {
  s32 pair[2];
  if (keeper.job.flags & JOB_TERMINAL) {
    s64 result = sys(socketpair, 1, 1 | O_CLOEXEC, 0, pair);
    if (is_error(result)) return result;
    ends->ours[0] = pair[0];
    ends->theirs[0] = pair[1];
    return 0;
  }
  for (int i = keeper.job.flags & JOB_INPUT ? 0 : 1; i < 3; i++) {
    s64 result = open_pipe(&ends->ours[i], &ends->theirs[i], i == 0);
    if (is_error(result)) return result;
  }
  return 0;
}

static void fill_slots(struct tape *tape, const struct ends *ends) {
  const struct job *job = &keeper.job;
  if (job->flags & JOB_TERMINAL) {
    tape->slots[job->again_launcher_slot] = ends->theirs[0];
    return;
  }
  const u32 slots[3] = {job->again_stdin_slot, job->again_stdout_slot, job->again_stderr_slot};
  for (int i = 0; i < 3; i++) if (ends->theirs[i] >= 0) tape->slots[slots[i]] = ends->theirs[i];
}

static void take_over(struct tape *tape, struct ends *ends) {
  sys(dup3, tape->slots[keeper.job.again_pidfd_slot], FD_CHILD, O_CLOEXEC);
  sys(close, tape->slots[keeper.job.again_pidfd_slot]);
  if (!(keeper.job.flags & JOB_TERMINAL)) {
    renew_streams(ends->ours[0], ends->ours[1], ends->ours[2]);
    return;
  }
  renew_streams((s32)receive_fd(ends->ours[0]), -1, -1);
  close_fd(&ends->ours[0]);
}

/* Of the run that has ended. */
static void close_old_ends(void) {
  for (int i = 0; i < STREAMS; i++) close_fd(&keeper.streams[i].fd);
  if (!(keeper.job.flags & JOB_TERMINAL)) close_fd(&keeper.input);
  keeper.input = -1;
}

static s64 failure(const struct tape *tape) {
  int missing = tape && tape->failed_errno == ENOENT_;
  return (missing ? NOT_FOUND : CANNOT_EXECUTE) << 8;
}

/* A copy of the tape for each time: what an earlier one left in its slots is not closed in this one. */
s64 start_again(void) {
  struct ends ends = {{-1, -1, -1}, {-1, -1, -1}};
  struct tape *tape = map_tape(keeper.job.again_tape, keeper.job.again_size);
  close_old_ends();
  restarts.count++;
  restarts.started_ns = clock_ns(CLOCK_MONOTONIC_);
  begin_again();
  note_count();
  s64 failed = 0;
  if (!tape || is_error(open_ends(&ends))) {
    failed = CANNOT_EXECUTE << 8;
  } else {
    fill_slots(tape, &ends);
    if (is_error(tape_play(tape))) {
      failed = failure(tape);
      if (tape->slots[keeper.job.again_pid_slot] > 0) sys(kill, tape->slots[keeper.job.again_pid_slot], 9);
    } else {
      take_over(tape, &ends);
    }
  }
  for (int i = 0; i < 3; i++) {
    if (ends.theirs[i] >= 0) sys(close, ends.theirs[i]);
    if (failed) close_fd(&ends.ours[i]);
  }
  if (tape) sys(munmap, tape, keeper.job.again_size);
  return failed;
}
