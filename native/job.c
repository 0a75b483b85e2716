/* job.c: what the roles keep and enter share. */
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/wait.h>
#include "job.h"

#define MSG_NOSIGNAL_ 0x4000
#define MSG_DONTWAIT_ 0x40
#define CLOCK_REALTIME_ 0
#define CLD_EXITED_ 1

s64 begin_job(struct job *job) {
  u64 all = ~0ul;
  sys(rt_sigprocmask, SIG_SETMASK, &all, 0, 8); /* only SIGKILL ends a keeper before its container ends */
  sys(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody inside may look at us or at what we clone (CVE-2016-9962) */
  sys(prctl, PR_SET_NAME, "tsrun-monitor", 0, 0, 0);
  s64 got = sys(pread64, FD_JOB, job, sizeof *job, 0);
  return got == sizeof *job && job->magic == JOB_MAGIC && job->version == TAPE_VERSION ? 0 : -EINVAL_;
}

struct tape *map_tape(u32 offset, u32 size) {
  if (!offset) return 0;
  s64 at = sys(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, FD_JOB, offset);
  return is_error(at) ? 0 : (struct tape *)at;
}

s64 reap_child(void) {
  struct { s32 signo, error, code, pad; s32 pid; u32 uid; s32 status; char rest[100]; } info;
  s64 result;
  memset(&info, 0, sizeof info);
  do result = sys(waitid, P_PIDFD, FD_CHILD, &info, WEXITED, 0);
  while (result == -EINTR_);
  if (is_error(result)) sys(exit_group, 125);
  return info.code == CLD_EXITED_ ? (info.status & 255) << 8 : info.status & 127;
}

s64 play_tape(u32 offset, u32 size, s64 status) {
  struct tape *tape = map_tape(offset, size);
  if (!tape) return 0;
  tape->slots[SLOT_STATUS] = status;
  tape->slots[SLOT_FINISHED] = (s64)clock_ns(CLOCK_REALTIME_);
  s64 result = tape_play(tape);
  sys(munmap, tape, size);
  return result;
}

void let_go_of_stdio(void) {
  s64 null = sys(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
  for (int fd = 0; fd < 3; fd++) sys(dup3, null, fd, 0);
  sys(close, null);
}

void tell(s64 socket, u32 type, s64 value) {
  struct control message = { type, (s32)value };
  sys(sendto, socket, &message, sizeof message, MSG_NOSIGNAL_ | MSG_DONTWAIT_, 0, 0);
}

void signal_child(s64 signo) { sys(pidfd_send_signal, FD_CHILD, signo, 0, 0); }
