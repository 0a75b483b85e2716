/* relay.h: what the files of the role relay share: its flows of bytes and its caller's terminal. */
#ifndef TSRUN_RELAY_H
#define TSRUN_RELAY_H
#include "sys.h"

/* One direction: from → to. It waits for input, or, with bytes at hand, for room. */
enum flow_state { FLOW_WAITS_FOR_INPUT, FLOW_WAITS_FOR_ROOM, FLOW_ENDED };
enum flow_result { MOVED, NOTHING_TO_READ, NO_ROOM, INPUT_ENDED, OUTPUT_GONE };

#define FLOW_BUFFER 65536

struct end {
  int fd;
  u8 is_pipe, is_socket, is_terminal, is_sink; /* sink: a file or /dev/null, where splice(2) may go */
  u8 may_block; /* its description is shared with the caller and could not be had anew: small writes after a poll only */
};

struct flow {
  struct end from, to;
  enum flow_state state;
  int splices, enlarged;
  int draining; /* the container is gone: end at the first empty read, or when what was there at that moment is through */
  s64 left;
  s64 error;    /* why to could not be written, if it was not simply gone */
  u32 start, end;
  u8 last; /* the last byte that was delivered */
  u8 buffer[FLOW_BUFFER];
};

void flow_open(struct flow *flow, int from, int to);
/* Moves once what can be moved now, without ever blocking. */
enum flow_result flow_move(struct flow *flow);
void flow_drain(struct flow *flow);

struct end end_of(int fd);
/* Our own ends of pipes, sockets and the pty master: nobody else sees that they no longer block. */
void do_not_block(int fd);
/* A caller's descriptor: O_NONBLOCK on it would leak into the shell, so it is replaced by a new description of the same thing. */
struct end own_end(int fd, int flags);
int ready(int fd, u16 events);

/* The caller's terminal on fd 0. */
int terminal_is_foreground(void);
void terminal_enter_raw(void);
void terminal_leave_raw(void);
void copy_window_size(int master);
void stop_like(int signo);

#endif
