/* player.h: what the files of the player share. */
#ifndef TSRUN_PLAYER_H
#define TSRUN_PLAYER_H
#include "protocol.h"
#include "sys.h"

/* Plays the whole tape in the caller. 0, or a negative errno; the header names the step. */
s64 tape_play(struct tape *tape);
/* Turns the tape's inner offsets into pointers, once for each address it is seen at. */
void tape_relocate(struct tape *tape);
/* Plays count ops from offset on. 0, or a negative errno. */
s64 play_ops(struct tape *tape, u64 offset, u64 count);

/* One pseudo-op, its arguments already turned into registers. */
s64 play_pseudo(struct tape *tape, const struct op *op, const s64 *arg);

struct child {
  void (*main)(struct child *);
  struct tape *tape;
  u64 ops, count;
  s64 report; /* where a child apart says what failed, or -1 */
};
struct clone_args;
/* clone3 of a child with a stack of its own, on which main runs and never returns from. */
s64 clone_to_child_main(struct clone_args *args, struct child *child);

s64 play_clone(struct tape *tape, const s64 *arg);
s64 play_clone_apart(struct tape *tape, const s64 *arg);
s64 play_exec(struct tape *tape, const s64 *arg);
s64 share_memory(void);
s64 open_in_root(s64 root, const char *path, u64 want, u32 *detail);
s64 take_name(char *to, u64 size, const char *name);
s64 remove_tree(s64 dir, const char *name);
s64 rmdir_cgroup(s64 dir, const char *path);
s64 write_all(s64 fd, const char *data, u64 length);
s64 write_file(const s64 *arg);
s64 record_exit(struct tape *tape, const s64 *arg);
/* How many processes the kernel has killed for want of memory: memory.events or memory.oom_control of a cgroup. */
s64 oom_base(s64 count);
s64 oom_kills(const struct tape *tape, const char *path);
s64 record_event(const struct tape *tape, const s64 *arg);
/* From here on the run is another than the tape was made for: events of its end say how long that was. */
void begin_again(void);
s64 record_run(const s64 *arg);
s64 record_exec_end(const struct tape *tape, const s64 *arg);
s64 record_start(const s64 *arg);
s64 link_root(s64 dir, const char *path, s64 pid);
s64 hold_signals(u64 set);
s64 check_signals(void);
s64 send_fd(s64 socket, s64 fd);
s64 receive_fd(s64 socket);
s64 bind_at(s64 socket, s64 dir, const char *name);
s64 connect_at(s64 socket, s64 dir, const char *name);
/* One message with up to three descriptors; a negative one is none. */
s64 send_message(s64 socket, const struct control *message, const s64 fds[3]);
/* The next message; the number of descriptors that came with it, in fds. 0 bytes: the other end is gone. Does not wait. */
s64 receive_message(s64 socket, struct control *message, s32 fds[3], int *count);

/* Of the library alone: a tape on a thread of our own, and the wait for its end. */
void play_beside(struct tape *tape);
s64 wait_beside(const struct tape *tape);

/* As a shell counts: 128 and the signal. status: as wait(2) packs it. */
static inline s64 exit_code(s64 status) { return status & 127 ? 128 + (status & 127) : status >> 8 & 255; }

#endif
