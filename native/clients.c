/* clients.c: who is connected to the monitor: they come, say what they want, are told, and go. None of them is ever waited for. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include "keep.h"

#define SHUT_READING 0
#define CLOCK_MONOTONIC_ 1
#define SECOND_NS 1000000000ul
#define PATIENCE_NS 50000000ul
#define BIG_PIPE (1 << 20)
#define TERMINAL_ROOM (2 << 20)
#define WORDS_AT_ONCE 16 /* of one client: another may have something to say, too */

/* So that who comes when there is no number left can be told. */
static s32 spare;

static void keep_spare(void) { spare = (s32)sys(fcntl, FD_JOB, F_DUPFD_CLOEXEC, FD_CLIENT_ERRORS + 1); }

static void clear(struct client *client) {
  *client = (struct client){.control = -1, .input = -1, .output = {-1, -1}};
}

/* A terminal is one socket: an input and an output. */
static s32 take_stream(const s32 **next, s32 value, s32 which) {
  if (!(value & which)) return -1;
  s32 fd = *(*next)++;
  do_not_wait(fd);
  return fd;
}

static void connect_streams(struct client *client, s32 value, const s32 *fds) {
  if (value & HELLO_TERMINAL) {
    client->input = take_stream(&fds, value, HELLO_TERMINAL);
    client->output[0] = (s32)sys(fcntl, client->input, F_DUPFD_CLOEXEC, FD_CLIENT_ERRORS + 1);
    return;
  }
  client->input = take_stream(&fds, value, HELLO_INPUT);
  client->output[0] = take_stream(&fds, value, HELLO_OUTPUT);
  client->output[1] = take_stream(&fds, value, HELLO_ERRORS);
}

/* The first place is that of the client that started the container, and nobody's after that. */
void open_clients(void) {
  static const s32 ends[] = {FD_CLIENT_INPUT, FD_CLIENT_OUTPUT, FD_CLIENT_ERRORS};
  struct client *starter = &keeper.clients[0];
  u32 flags = keeper.job.flags;
  keep_spare();
  for (int i = 0; i < MAX_CLIENTS; i++) clear(&keeper.clients[i]);
  starter->control = FD_CONTROL;
  starter->starter = starter->greeted = 1;
  if (!(flags & JOB_ATTACHED)) return;
  if (flags & JOB_TERMINAL) connect_streams(starter, HELLO_TERMINAL, ends);
  else if (flags & JOB_FED) connect_streams(starter, HELLO_INPUT | HELLO_OUTPUT | HELLO_ERRORS, ends);
  else connect_streams(starter, HELLO_OUTPUT | HELLO_ERRORS, ends + 1);
}

/* What was typed too late would make a reset of the end that it is. */
static void end_terminal(const struct client *client) {
  u8 unread[512];
  sys(shutdown, client->input, SHUT_READING);
  while (sys(read, client->input, unread, sizeof unread) > 0) continue;
}

void drop_client(struct client *client) {
  if (keeper.job.flags & JOB_TERMINAL && client->input >= 0) end_terminal(client);
  close_fd(&client->control);
  close_fd(&client->input);
  for (int i = 0; i < STREAMS; i++) close_fd(&client->output[i]);
  if (client->starter) for (int i = 0; i < STREAMS; i++) keeper.streams[i].start = keeper.streams[i].end = 0;
  struct client was = *client;
  clear(client);
  if (!was.starter || !was.input_read) return;
  client->starter = client->input_read = 1; /* what it typed may wait for the container still: the end comes behind it */
  client->input_over = was.input_over;
}

void close_clients(void) {
  for (int i = 0; i < MAX_CLIENTS; i++) drop_client(&keeper.clients[i]);
  clear(&keeper.clients[0]); /* no end of its input reaches the next run */
}

void tell_clients(u32 type, s64 value) {
  for (int i = 0; i < MAX_CLIENTS; i++)
    if (keeper.clients[i].control >= 0) tell(keeper.clients[i].control, type, value);
}

static void refuse(s64 fd, s32 why) {
  tell(fd, CONTROL_REFUSED, why);
  sys(close, fd);
}

static s64 accept(void) { return sys(accept4, FD_LISTENER, 0, 0, O_CLOEXEC | O_NONBLOCK); }

static s64 accept_with_spare(void) {
  close_fd(&spare);
  s64 fd = accept();
  if (!is_error(fd)) refuse(fd, EMFILE);
  keep_spare();
  return is_error(fd) ? fd : 0;
}

s64 accept_client(void) {
  if (spare < 0) keep_spare();
  s64 fd = accept();
  if (fd == -EMFILE && spare >= 0) return accept_with_spare();
  if (is_error(fd)) return fd;
  for (int i = 1; i < MAX_CLIENTS; i++) {
    if (keeper.clients[i].control >= 0) continue;
    clear(&keeper.clients[i]);
    keeper.clients[i].control = (s32)fd;
    return 0;
  }
  refuse(fd, EAGAIN);
  return 0;
}

static int expected_fds(s32 value) {
  if (value & HELLO_TERMINAL) return 1;
  return !!(value & HELLO_INPUT) + !!(value & HELLO_OUTPUT) + !!(value & HELLO_ERRORS);
}

/* A write to anything else might wait, whatever its flags say, or never end to be read. */
static int are_all(u32 type, const s32 *fds, int count) {
  struct statx about;
  for (int i = 0; i < count; i++) {
    if (is_error(sys(statx, fds[i], "", AT_EMPTY_PATH, STATX_TYPE, &about)) || (about.stx_mode & S_IFMT) != type) return 0;
    s64 flags = sys(fcntl, fds[i], F_GETFL);
    if (is_error(flags) || flags & O_PATH) return 0;
  }
  return 1;
}

/* 0, or the errno that it is refused with. */
static s32 look_at_hello(s32 value, const s32 *fds, int count) {
  int terminal = !!(value & HELLO_TERMINAL);
  if ((value & 255) != PROTOCOL_VERSION) return EPROTO;
  if (count < expected_fds(value)) return EMFILE; /* the kernel had no numbers for them; or it sent too few */
  if (count > expected_fds(value)) return EPROTO;
  if (count && terminal != !!(keeper.job.flags & JOB_TERMINAL)) return EPROTO;
  return are_all(terminal ? S_IFSOCK : S_IFIFO, fds, count) ? 0 : EPROTO;
}

/* What is written to it at once, it may read slowly: as much as a pipe can hold. A socket counts a kilobyte for each letter. */
static void enlarge_outputs(const struct client *client) {
  s32 room = TERMINAL_ROOM;
  for (int i = 0; i < STREAMS; i++) {
    if (client->output[i] < 0) continue;
    if (is_error(sys(fcntl, client->output[i], F_SETPIPE_SZ, BIG_PIPE)))
      sys(setsockopt, client->output[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  }
}

static void greet(struct client *client, s32 value, const s32 *fds, int count) {
  s32 wrong = look_at_hello(value, fds, count);
  if (wrong) {
    for (int i = 0; i < count; i++) sys(close, fds[i]);
  } else {
    connect_streams(client, value, fds);
    if (client->input >= 0 && value & HELLO_TERMINAL && client->output[0] < 0) wrong = EMFILE;
  }
  if (wrong) {
    tell(client->control, CONTROL_REFUSED, wrong);
    drop_client(client);
    return;
  }
  enlarge_outputs(client);
  client->greeted = 1;
  tell(client->control, CONTROL_WELCOME, value);
}

static void resize(s32 value) {
  struct winsize size = {.ws_row = (u16)((u32)value >> 16), .ws_col = (u16)value};
  if (keeper.job.flags & JOB_TERMINAL && keeper.input >= 0) sys(ioctl, keeper.input, TIOCSWINSZ, &size);
}

static void take_message(struct client *client, const struct control *message) {
  switch (message->type) {
    case CONTROL_SIGNAL:
      if (!keeper.ended) signal_child(message->value);
      return;
    case CONTROL_RESIZE: resize(message->value); return;
    case CONTROL_INPUT_ENDED:
      client->input_over = 1;
      if (client->input_read) end_input(client);
      return;
    case CONTROL_OUTPUT_GONE:
      if (message->value == 1 || message->value == 2) end_output(client, message->value - 1);
  }
}

void take_messages(struct client *client) {
  for (int words = 0; client->control >= 0 && words < WORDS_AT_ONCE; words++) {
    struct control message;
    s32 fds[3];
    int count = 0;
    s64 got = receive_message(client->control, &message, fds, &count);
    if (got == -EAGAIN) return;
    if (got == -EINTR) continue;
    if (got != sizeof message) drop_client(client); /* gone, or it speaks another language */
    else if (!client->greeted && message.type == CONTROL_HELLO) {
      greet(client, message.value, fds, count);
      continue;
    } else if (client->greeted) take_message(client, &message);
    for (int i = 0; i < count; i++) sys(close, fds[i]);
  }
}

/* Who is only not scheduled at the moment gets some time to make room: so much in a second, of all that are slow. */
static int makes_room(s32 fd) {
  static u64 second, patience;
  u64 before = clock_ns(CLOCK_MONOTONIC_);
  if (before - second >= SECOND_NS) {
    second = before;
    patience = PATIENCE_NS;
  }
  struct pollfd one = {fd, POLLOUT, 0};
  struct __kernel_timespec time = {0, (long)patience};
  int room = patience && sys(ppoll, &one, 1, &time, 0, 8) == 1;
  u64 spent = clock_ns(CLOCK_MONOTONIC_) - before;
  patience = spent < patience ? patience - spent : 0;
  return room;
}

s64 give_bytes(s32 fd, const u8 *bytes, u64 length) {
  while (length) {
    s64 done = sys(write, fd, bytes, length);
    if (done == -EINTR) continue;
    if (done == -EAGAIN && makes_room(fd)) continue;
    if (is_error(done)) return done;
    bytes += done;
    length -= (u64)done;
  }
  return 0;
}
