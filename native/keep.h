/* keep.h: what the files of the role keep share: the container's streams, and the clients that they go to. */
#ifndef TSRUN_KEEP_H
#define TSRUN_KEEP_H
#include <asm/poll.h>
#include "job.h"

#define MAX_CLIENTS 65 /* the first is the starter, or nobody */
#define STREAM_BUFFER 262144 /* what is read at once: the log writes as much, and a file takes it in as few pieces */
#define DEFAULT_PIPE 65536
#define STREAMS 2 /* stdout, which is all of a terminal, and stderr */

struct client {
  s32 control;         /* -1: this place is free */
  s32 input;           /* what its caller types, or -1 */
  s32 output[STREAMS]; /* where it reads from us, or -1; a terminal's is its input, too */
  u8 greeted;
  u8 starter;          /* started the container: the container waits until it has read */
  u8 input_read;       /* its input has been read to the end */
  u8 input_over;       /* it said INPUT_ENDED */
};

/* What the container writes. Bytes from start to end wait for the starter to have room, or all that is still in the pipe does. */
struct stream {
  s32 fd;
  u8 no_room;
  u32 start, end;
  u8 *buffer;
};

struct keeper {
  struct job job;
  int ended;           /* PID 1 has been reaped */
  int again;           /* and will be started again */
  s64 status;          /* how it ended */
  struct stream streams[STREAMS];
  s32 input;           /* the container's stdin or the master of its pty, or -1 */
  s32 peer;            /* the container's end of the pty: ours keeps the master from ever reading EIO, or -1 */
  u32 input_start, input_end; /* what waits for the container to read it */
  struct client clients[MAX_CLIENTS]; /* the starter is the first */
};
extern struct keeper keeper;

static inline int has_terminal(void) { return (keeper.job.flags & JOB_TERMINAL) != 0; }

/* Both never wait. */
void close_fd(s32 *fd);
void do_not_wait(s64 fd);

/* clients.c */
void open_clients(void);
void close_clients(void);
/* 0 or an errno: then somebody waits still. */
s64 accept_client(void);
void take_messages(struct client *client);
void drop_client(struct client *client);
/* 0, or why not all of it was written: -EAGAIN to one who reads too slowly. */
s64 give_bytes(s32 fd, const u8 *bytes, u64 length);
/* All of them, greeted or not. */
void tell_clients(u32 type, s64 value);

/* relay_terminal.c: ^D, twice if the line was not at its end */
void type_end_of_file(int terminal, u8 last);

/* restart.c */
/* Is it to be started again, now that it has ended so? */
int wants_again(void);
/* Said in the container's directory, for `ps`. */
void note_waiting(int waits);
u64 again_at_ns(void);
int is_stopped(void);
/* Starts PID 1 again, its streams in the place of the old ones. 0, or how it failed, as a wait status. */
s64 start_again(void);

/* health.c: without a health check nothing happens in there. PID 1 has been started; it has ended, and the check with it. */
void begin_health(void);
void end_health(void);
/* What is to be polled for a check that runs. */
#define HEALTH_POLLED 2
void list_health(struct pollfd *polled);
/* The caller has waited, for one of those or until it was due. */
void serve_health(const struct pollfd *polled);
/* CLOCK_MONOTONIC; 0: never. */
u64 health_due_ns(void);

/* streams.c */
void open_streams(void);
void open_log(void);
/* What the starter has no room for yet is taken out of the pipe. */
void take_rest(int which);
void close_log(void);
/* Of a container that is started again: its stdin or the master, stdout and stderr, as far as there are. */
void renew_streams(s32 input, s32 output, s32 errors);
/* Moves what is there, once. 1: there may be more at once. */
int carry_output(int which);
/* Nobody but this client reads it: the container gets SIGPIPE for writing there, or SIGHUP with a terminal. */
void end_output(const struct client *client, int which);
/* The caller has waited for a while: memory that a burst has touched goes back. */
void rest_streams(void);

/* input.c */
void carry_input(struct client *client);
/* What the container had no room for, and the end of it. */
void push_input(void);
void end_input(struct client *client);
void rest_input(void);

#endif
