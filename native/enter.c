/* enter.c: the role enter: the parent of a process that exec adds to a running container. */
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include "job.h"
#include "monitor.h"

/* The command, of a session and a process group of its own (setsid). Until it is reaped their number is nobody else's. */
static s64 leader;
static int attached;        /* to a client: when that is gone, the command hears of it */
static s32 terminal;        /* of a client that has detached, or -1: set in the code, for one initialized word is a page more of the program */

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
    tell(FD_CONTROL, CONTROL_FAILED, tape ? tape->failed_errno : ENOSYS_);
    return -1;
  }
  sys(dup3, tape->slots[job->enter_pidfd_slot], FD_CHILD, O_CLOEXEC);
  leader = tape->slots[job->enter_pid_slot];
  tell(FD_CONTROL, CONTROL_STARTED, leader);
  sys(munmap, tape, job->enter_size);
  /* Nothing of the caller's stays open here: not its terminal, not the pipes' other ends. */
  sys(close_range, FD_CHILD + 1, ~0u, 0);
  return 0;
}

/* The client detaches and leaves us its terminal. It stays open, our own end of the other side, too: nobody inside is hung up on. */
static void adopt_terminal(s32 master) {
  attached = 0;
  terminal = master;
  sys(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* Or whoever writes there would wait for ever. */
static void read_for_nobody(void) {
  u8 unread[4096];
  s64 got = sys(read, terminal, unread, sizeof unread);
  if (got <= 0 && got != -EAGAIN_ && got != -EINTR_) terminal = -1;
}

/* 1 while there is someone at the other end. */
static int take_control_message(void) {
  struct control message;
  s32 fds[3];
  int count = 0, taken = 0;
  s64 got = receive_message(FD_CONTROL, &message, fds, &count);
  if (got == -EAGAIN_ || got == -EINTR_) return 1;
  if (got == sizeof message && message.type == CONTROL_SIGNAL) signal_child(message.value);
  if (got == sizeof message && message.type == CONTROL_LEAVING && count && terminal < 0) adopt_terminal(fds[taken++]);
  while (taken < count) sys(close, fds[taken++]);
  return got > 0;
}

/* As by a terminal that hangs up: the command hears of it, even if it is stopped. Not its children at once: a shell whose child was
 * killed says so on its stderr, which nobody reads, and would die of that before it comes to its trap. */
static void hang_up(void) {
  signal_child(SIGHUP);
  signal_child(SIGCONT);
}

/* And, as when the leader of a session has ended: what it started, and what is no session or job of its own. */
static void hang_up_rest(void) {
  sys(kill, -leader, SIGHUP);
  sys(kill, -leader, SIGCONT);
}

/* A command whose caller is gone is told so. Detached, nobody was there. */
static void wait_for_child(void) {
  s32 control = FD_CONTROL;
  for (;;) {
    struct pollfd polled[3] = {{FD_CHILD, POLLIN, 0}, {control, POLLIN, 0}, {terminal, POLLIN, 0}};
    s64 ready = sys(ppoll, polled, 3, 0, 0, 8);
    if (ready == -EINTR_) continue;
    if (is_error(ready)) return;
    if (polled[2].revents) read_for_nobody();
    if (polled[1].revents && !take_control_message()) {
      control = -1;
      if (attached) hang_up();
    }
    if (polled[0].revents) break;
  }
  if (attached && control < 0) hang_up_rest();
}

int enter_main(void) {
  struct job job;
  if (is_error(begin_job(&job))) return 125;
  sys(setsid);
  terminal = -1;
  if (enter(&job)) return 125;
  let_go_of_stdio();
  attached = job.flags & JOB_ATTACHED;
  wait_for_child();
  s64 status = reap_child();
  play_tape(job.after_tape, job.after_size, status);
  tell(FD_CONTROL, CONTROL_EXITED, exit_code(status));
  return 0;
}
