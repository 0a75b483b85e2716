/* streams.c: what the container writes, for its log and for the monitor's clients. Nothing here waits; the container waits for the starter
 * alone. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/time_types.h>
#include "keep.h"
#include "log.h"

#define BIG_PIPE (1 << 20)
#define SPLICE_F_NONBLOCK_ 2
#define READ_TRIES 3
#define REST_ROOM (2 * BIG_PIPE) /* more than a pipe holds, and what was taken out of it before */

/* Pages that nobody has touched cost nothing. */
static u8 buffers[STREAMS][STREAM_BUFFER] __attribute__((aligned(4096)));
static u8 enlarged[STREAMS];
static struct log log;

void renew_streams(s32 input, s32 output, s32 errors) {
  for (int i = 0; i < STREAMS; i++)
    if (keeper.streams[i].buffer && keeper.streams[i].buffer != buffers[i]) sys(munmap, keeper.streams[i].buffer, REST_ROOM);
  keeper.input = input;
  keeper.input_start = keeper.input_end = 0;
  keeper.streams[0] = (struct stream){.fd = has_terminal() ? input : output, .buffer = buffers[0]};
  keeper.streams[1] = (struct stream){.fd = has_terminal() ? -1 : errors, .buffer = buffers[1]};
  enlarged[0] = enlarged[1] = 0;
  if (input >= 0) do_not_wait(input);
  for (int i = 0; i < STREAMS; i++) if (keeper.streams[i].fd >= 0) do_not_wait(keeper.streams[i].fd);
  /* A container may close all its ends of the pty and open one again. */
  keeper.peer = -1;
  if (has_terminal()) keeper.peer = (s32)sys(ioctl, input, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

void open_log(void) { log_open(&log, FD_DIRECTORY, keeper.job.log_max_size, keeper.job.log_max_files); }

void open_streams(void) {
  int input = keeper.job.flags & (JOB_INPUT | JOB_TERMINAL);
  renew_streams(input ? FD_STDIN : -1, FD_STDOUT, FD_STDERR);
  open_log();
}

void rest_streams(void) {
  log_rest(&log);
  for (int i = 0; i < STREAMS; i++)
    if (keeper.streams[i].start == keeper.streams[i].end) sys(madvise, buffers[i], STREAM_BUFFER, MADV_DONTNEED);
  rest_input();
}

static void close_stream(int which) {
  if (has_terminal()) keeper.input = -1; /* the same descriptor */
  close_fd(&keeper.streams[which].fd);
}

/* Nobody inside writes there any more: who reads the clients' pipes sees the end, as of a bare one. */
static void end_stream(int which) {
  close_stream(which);
  for (int i = 0; i < MAX_CLIENTS && !has_terminal(); i++) close_fd(&keeper.clients[i].output[which]);
}

/* Whoever fills a pipe gets a bigger one; who writes a line now and then costs no memory. */
static void enlarge(int which) {
  if (enlarged[which]) return;
  enlarged[which] = 1;
  sys(fcntl, keeper.streams[which].fd, F_SETPIPE_SZ, BIG_PIPE);
  if (keeper.clients[0].output[which] >= 0) sys(fcntl, keeper.clients[0].output[which], F_SETPIPE_SZ, BIG_PIPE);
}

/* As far as there is room. Without a reader there is nobody to wait for. */
static void push_to_starter(int which) {
  struct stream *stream = &keeper.streams[which];
  struct client *starter = &keeper.clients[0];
  while (stream->start < stream->end) {
    s64 done = sys(write, starter->output[which], stream->buffer + stream->start, stream->end - stream->start);
    if (done == -EAGAIN) return;
    if (done == -EINTR) continue;
    if (is_error(done)) {
      close_fd(&starter->output[which]);
      break;
    }
    stream->start += (u32)done;
  }
  stream->start = stream->end = 0;
}

static int has_others(int which) {
  for (int i = 1; i < MAX_CLIENTS; i++) if (keeper.clients[i].output[which] >= 0) return 1;
  return 0;
}

static void give_to_others(int which, const u8 *bytes, u64 length) {
  for (int i = 1; i < MAX_CLIENTS; i++) {
    struct client *client = &keeper.clients[i];
    if (client->output[which] < 0) continue;
    s64 error = give_bytes(client->output[which], bytes, length);
    if (!error) continue;
    if (error == -EAGAIN) tell(client->control, CONTROL_DROPPED, which + 1);
    drop_client(client);
  }
}

/* The starter's pipe gets the very pages that the container wrote: tee(2) leaves them to be read for the log, too; where nobody else
 * wants them splice(2) takes them along. How many bytes, as far as there is room; 0: that was all; or an errno. */
static s64 share_with_starter(int which) {
  s32 from = keeper.streams[which].fd, to = keeper.clients[0].output[which];
  if (!keeper.job.log_max_files && !has_others(which)) return sys(splice, from, 0, to, 0, BIG_PIPE, SPLICE_F_NONBLOCK_);
  return sys(tee, from, to, STREAM_BUFFER, SPLICE_F_NONBLOCK_);
}

/* Again after any error, for what the starter has already must be read now, or it would get it twice. A pipe has no errors of its own; a
 * terminal's EIO says that nobody inside has it open. */
static s64 read_stream(const struct stream *stream, u64 most) {
  s64 got = 0;
  for (int tries = 0; tries < READ_TRIES; tries++) {
    got = sys(read, stream->fd, stream->buffer, most);
    if (!is_error(got) || got == -EAGAIN || (got == -EIO && has_terminal())) break;
  }
  return got;
}

/* What the starter got is read by the others. */
static int read_for_others(int which, u64 most) {
  struct stream *stream = &keeper.streams[which];
  s64 got = read_stream(stream, most);
  if (got == -EAGAIN) return 0;
  if (got <= 0) {
    end_stream(which);
    return 0;
  }
  if (got >= DEFAULT_PIPE) enlarge(which);
  log_write(&log, which + 1, stream->buffer, (u64)got);
  give_to_others(which, stream->buffer, (u64)got);
  stream->end = (u32)got;
  return 1;
}

static int has_input(s32 fd) {
  struct pollfd one = {fd, POLLIN, 0};
  struct __kernel_timespec now = {0, 0};
  return sys(ppoll, &one, 1, &now, 0, 8) == 1;
}

static int carry_by_copy(int which) {
  if (!read_for_others(which, STREAM_BUFFER)) return 0;
  push_to_starter(which);
  return 1;
}

static int carry_by_pages(int which) {
  struct stream *stream = &keeper.streams[which];
  s64 shared = share_with_starter(which);
  if (shared == -EAGAIN) {
    stream->no_room = has_input(stream->fd);
    return 0;
  }
  if (shared == -EINTR) return 1;
  if (shared == 0) end_stream(which);
  if (shared == -EPIPE || shared == -EINVAL) close_fd(&keeper.clients[0].output[which]); /* it has gone; or it is no pipe of ours */
  else if (is_error(shared)) return carry_by_copy(which);
  if (shared <= 0) return stream->fd >= 0;
  if (shared >= DEFAULT_PIPE) enlarge(which);
  if (!keeper.job.log_max_files && !has_others(which)) return 1;
  int more = read_for_others(which, (u64)shared);
  stream->end = 0;
  return more;
}

int carry_output(int which) {
  struct stream *stream = &keeper.streams[which];
  stream->no_room = 0;
  if (stream->start < stream->end) {
    push_to_starter(which);
    return 0;
  }
  if (stream->fd < 0) return 0;
  if (!has_terminal() && keeper.clients[0].output[which] >= 0) return carry_by_pages(which);
  if (!read_for_others(which, STREAM_BUFFER)) return 0;
  if (keeper.clients[0].output[which] >= 0) push_to_starter(which);
  else stream->end = 0;
  return 1;
}

void take_rest(int which) {
  struct stream *stream = &keeper.streams[which];
  s64 at = sys(mmap, 0, REST_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (is_error(at)) return;
  u32 filled = stream->end - stream->start;
  memcpy((u8 *)at, stream->buffer + stream->start, filled);
  stream->buffer = (u8 *)at;
  for (;;) {
    s64 got = sys(read, stream->fd, stream->buffer + filled, REST_ROOM - filled);
    if (got == -EINTR) continue;
    if (got <= 0) break;
    log_write(&log, which + 1, stream->buffer + filled, (u64)got);
    give_to_others(which, stream->buffer + filled, (u64)got);
    filled += (u32)got;
  }
  stream->start = 0;
  stream->end = filled;
}

void close_log(void) { log_close(&log); }

void end_output(const struct client *client, int which) {
  struct client *itself = (struct client *)client;
  close_fd(&itself->output[which]);
  if (client->starter) keeper.streams[which].start = keeper.streams[which].end = 0;
  for (int i = 0; i < MAX_CLIENTS; i++) if (keeper.clients[i].output[which] >= 0) return;
  if (client->starter) close_stream(which);
}
