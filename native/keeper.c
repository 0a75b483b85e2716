/* keeper.c: the roles keep and enter: the parent of one process in a container. It waits, records, cleans up, reports. */
#include <linux/mman.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/time_types.h>
#include <linux/wait.h>
#include "monitor.h"
#include "player.h"

#define MSG_NOSIGNAL_ 0x4000
#define MSG_DONTWAIT_ 0x40
#define CLOCK_REALTIME_ 0
#define LOST_CHILD (255 << 8)

static void say(u32 type, s64 value) {
  struct control message = { type, (s32)value };
  sys(sendto, FD_CONTROL, &message, sizeof message, MSG_NOSIGNAL_);
}

/* Private: what the keeper plays is what the launcher wrote, whatever becomes of the file. */
static struct tape *map_tape(u32 offset, u32 size) {
  if (!offset) return 0;
  s64 at = sys(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, FD_JOB, offset);
  return is_error(at) ? 0 : (struct tape *)at;
}

static int read_job(struct job *job) {
  s64 got = sys(pread64, FD_JOB, job, sizeof *job, 0);
  return got == sizeof *job && job->magic == JOB_MAGIC && job->version == TAPE_VERSION;
}

/* The header alone: the launcher reads there what failed. */
static void write_back(const struct job *job, const struct tape *tape) {
  sys(pwrite64, FD_JOB, tape, sizeof *tape, job->enter_tape);
}

/* It may execute already, unknown to the launcher, when a later step fails. A child of ours, not reaped, so the pid is its own. */
static void kill_entered(s64 pid) {
  if (pid > 0) sys(kill, pid, SIGKILL);
}

/* Plays the enter tape and leaves the child's pidfd at its place. 0, or the role is over. */
static int enter(const struct job *job) {
  struct tape *tape = map_tape(job->enter_tape, job->enter_size);
  if (!tape || is_error(tape_play(tape))) {
    if (tape) kill_entered(tape->slots[job->enter_pid_slot]);
    if (tape) write_back(job, tape);
    say(CONTROL_FAILED, tape ? tape->failed_errno : ENOSYS_);
    return -1;
  }
  sys(dup3, tape->slots[job->enter_pidfd_slot], FD_CHILD, O_CLOEXEC);
  say(CONTROL_STARTED, tape->slots[job->enter_pid_slot]);
  sys(munmap, tape, job->enter_size);
  /* Nothing of the caller's stays open here: not its terminal, not the pipes' other ends. */
  sys(close_range, FD_CHILD + 1, ~0u, 0);
  return 0;
}

/* 1 while there is someone at the other end. */
static int take_control_message(void) {
  struct control message;
  s64 got = sys(recvfrom, FD_CONTROL, &message, sizeof message, MSG_DONTWAIT_, 0, 0);
  if (got == -EAGAIN_ || got == -EINTR_) return 1;
  if (got <= 0) return 0;
  if (got == sizeof message && message.type == CONTROL_SIGNAL) sys(pidfd_send_signal, FD_CHILD, message.value, 0, 0);
  return 1;
}

/* Wait status of the child, as wait(2) packs it. By pidfd: no pid is ever stored, so none can be recycled. */
static s64 reap_child(void) {
  struct { s32 signo, error, code, pad; s32 pid; u32 uid; s32 status; char rest[100]; } info;
  memset(&info, 0, sizeof info);
  s64 result = sys(waitid, P_PIDFD, FD_CHILD, &info, WEXITED, 0);
  if (is_error(result)) return LOST_CHILD;
  return info.code == 1 /* CLD_EXITED */ ? (info.status & 255) << 8 : info.status & 127;
}

static s64 wait_for_child(void) {
  struct { s32 fd; u16 events, revents; } wait[2] = { { FD_CHILD, POLLIN, 0 }, { FD_CONTROL, POLLIN, 0 } };
  for (;;) {
    s64 ready = sys(ppoll, wait, 2, 0, 0, 8);
    if (is_error(ready) && ready != -EINTR_) return LOST_CHILD;
    if (wait[1].revents && !take_control_message()) wait[1].fd = -1; /* nobody is left who could write */
    if (wait[0].revents) return reap_child();
  }
}

static void play_after(const struct job *job, s64 status) {
  struct tape *tape = map_tape(job->after_tape, job->after_size);
  if (!tape) return;
  tape->slots[SLOT_STATUS] = status;
  tape->slots[SLOT_FINISHED] = (s64)clock_ns(CLOCK_REALTIME_);
  tape_play(tape);
}

static void let_go_of_stdio(void) {
  s64 null = sys(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
  for (int fd = 0; fd < 3; fd++) sys(dup3, null, fd, 0);
  sys(close, null);
}

int keep_main(int entering) {
  struct job job;
  u64 all = ~0ul;
  sys(rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, 8); /* only SIGKILL ends a keeper before its container ends */
  sys(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody inside may look at us or at what we clone (CVE-2016-9962) */
  sys(prctl, PR_SET_NAME, "tsrun-monitor", 0, 0, 0);
  if (!read_job(&job)) return 125;
  if (entering) {
    sys(setsid);
    if (enter(&job)) return 125;
  }
  let_go_of_stdio();
  s64 status = wait_for_child();
  play_after(&job, status);
  if (!entering) sys(close, FD_LOCK); /* before the last word: who has heard it finds the container free */
  s64 signal = status & 127;
  say(CONTROL_EXITED, signal ? 128 + signal : status >> 8 & 255);
  return 0;
}
