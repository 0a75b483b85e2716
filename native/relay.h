/* relay.h: what the files of the role relay share: its flows of bytes and its caller's terminal. */
#ifndef TSRUN_RELAY_H
#define TSRUN_RELAY_H
#include "protocol.h"
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
  u32 (*filter)(const u8 *typed, u32 length, u8 *to); /* what becomes of what was read; 0: nothing else does */
  s64 error;    /* why to could not be written, if it was not simply gone */
  u32 start, end;
  u8 last; /* the last byte that was delivered */
  u8 buffer[FLOW_BUFFER];
};

void flow_open(struct flow *flow, int from, int to);
/* Moves once what can be moved now, without ever blocking. */
enum flow_result flow_move(struct flow *flow);
void flow_drain(struct flow *flow);
/* Bytes of our own, in place of the next that it would read. */
void flow_put(struct flow *flow, u32 (*source)(u8 *to));

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
void stop_like(int signo);
/* ^D for a terminal, when the input was none: twice, if the line was not at its end. */
void type_end_of_file(int terminal, u8 last);

/* The keys that detach (relay_keys.c). */
void keys_open(const char *numbers);
/* Copies what was typed for the container, and no more once the keys are complete. to: as long as typed, and MOST_KEYS more. */
u32 keys_filter(const u8 *typed, u32 length, u8 *to);
int keys_detach(void);
int keys_are_held(void);
int keys_are_late(void);
u32 keys_release(u8 *to);

enum { INPUT, OUTPUT, ERRORS, FLOWS };

#define FD_TERMINAL 5
#define FD_INPUT 5
#define FD_OUTPUT 6
#define FD_ERRORS 7

struct relay {
  int tty, interactive, monitored, silent, late, redraw; /* the letters */
  int signals;        /* signalfd */
  int in_background;  /* the caller's terminal is there, but another job has it */
  int draining, done, code, lost, dropped, detached, hung_up, stays;
  struct flow flows[FLOWS];
};
extern struct relay relay;

void begin_draining(int code, int lost);
void resume_terminal(void);

/* Words to the monitor of which only the last of each kind counts (relay_control.c). */
enum word { WORD_RESIZE, WORD_INPUT_ENDED, WORD_OUTPUT_GONE, WORD_ERRORS_GONE, WORDS };
void tell_monitor(enum word which, u32 type, s32 value);
int has_unsaid(void);
void say_unsaid(void);
void pass_signal(int signo);
void send_window_size(void);
void watch_signals(void);
void take_signals(void);
void take_control(void);
void say(const char *text);

#endif
