/* relay_flow.c: one direction of bytes. Never blocks, keeps at most one buffer, and splices where no byte need be touched. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include "relay.h"

#define MSG_DONTWAIT_ 0x40
#define MSG_NOSIGNAL_ 0x4000
#define SPLICE_F_NONBLOCK_ 2
#define READ_TRIES 3
#define PIPE_ATOMIC 4096 /* PIPE_BUF: what a pipe that polls writable takes at once */
#define BIG_PIPE (1 << 20)
#define DEFAULT_PIPE 65536
#define TYPED_AT_ONCE 4096
#define DRAIN_AT_LEAST (1 << 18) /* more than a pty holds in all its buffers, which FIONREAD does not tell */

int ready(int fd, u16 events) {
  struct pollfd one = {fd, (short)events, 0};
  struct __kernel_timespec now = {0, 0};
  return sys(ppoll, &one, 1, &now, 0, 8) == 1;
}

struct end end_of(int fd) {
  struct end end = {.fd = fd};
  struct termios modes;
  struct statx about;
  if (is_error(sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &about))) return end;
  u32 type = about.stx_mode & S_IFMT;
  end.is_pipe = type == S_IFIFO;
  end.is_socket = type == S_IFSOCK;
  end.is_terminal = type == S_IFCHR && !is_error(sys(ioctl, fd, TCGETS, &modes));
  end.is_sink = type == S_IFREG || (type == S_IFCHR && about.stx_rdev_major == 1 && about.stx_rdev_minor == 3);
  /* Opening the master of a pty anew would make another pty. */
  end.may_block = !(end.is_terminal && about.stx_rdev_major == 5 && about.stx_rdev_minor == 2);
  return end;
}

void do_not_block(int fd) {
  s64 flags = sys(fcntl, fd, F_GETFL);
  if (!is_error(flags)) sys(fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

struct end own_end(int fd, int flags) {
  struct end end = end_of(fd);
  int reopens = end.may_block && (end.is_pipe || end.is_terminal);
  end.may_block = end.is_pipe || end.is_terminal;
  if (!reopens) return end;
  char path[] = "/proc/self/fd/0";
  path[sizeof path - 2] = (char)('0' + fd);
  s64 own = sys(openat, AT_FDCWD, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (is_error(own)) return end; /* another user's terminal, no /proc, or a pipe without a reader */
  sys(dup3, own, fd, 0);
  sys(close, own);
  end.may_block = 0;
  return end;
}

void flow_open(struct flow *flow, int from, int to) {
  flow->from = from <= 2 ? own_end(from, O_RDONLY) : end_of(from);
  flow->to = to <= 2 ? own_end(to, O_WRONLY) : end_of(to);
  if (from > 2) do_not_block(from), flow->from.may_block = 0;
  if (to > 2) do_not_block(to), flow->to.may_block = 0;
  flow->state = FLOW_WAITS_FOR_INPUT;
  /* Not from a file: its page cache has no business in a pipe whose other end the container holds (CVE-2022-0847). */
  flow->splices = !flow->filter && flow->from.is_pipe && (flow->to.is_pipe || flow->to.is_sink);
}

/* A terminal that was hung up says EIO to everything; a disk says it of its own failure. */
static int is_terminal(s32 fd) {
  struct termios modes;
  return sys(ioctl, fd, TCGETS, &modes) != -ENOTTY;
}

/* EPIPE and its like: whoever read there has gone, which is not worth a word. */
static enum flow_result output_failed(struct flow *flow, s64 error) {
  int gone = error == -EPIPE || error == -ECONNRESET || (error == -EIO && is_terminal(flow->to.fd));
  if (!gone) flow->error = error;
  return OUTPUT_GONE;
}

static void enlarge(struct flow *flow) {
  if (flow->enlarged) return;
  flow->enlarged = 1;
  sys(fcntl, flow->from.fd, F_SETPIPE_SZ, BIG_PIPE);
}

static enum flow_result flow_splice(struct flow *flow) {
  s64 count = sys(splice, flow->from.fd, 0, flow->to.fd, 0, BIG_PIPE, SPLICE_F_NONBLOCK_);
  if (count > 0) {
    flow->left -= count;
    /* Whoever fills a pipe gets a bigger one; who writes a line now and then costs no memory. */
    if (count >= DEFAULT_PIPE && flow->from.fd > 2) enlarge(flow);
    return MOVED;
  }
  if (count == 0) return INPUT_ENDED;
  if (count == -EAGAIN) return ready(flow->from.fd, POLLIN) ? NO_ROOM : NOTHING_TO_READ;
  if (count == -EINTR) return MOVED;
  if (count != -EINVAL) return output_failed(flow, count);
  flow->splices = 0; /* a file opened for appending, or a kernel that does not splice there */
  return MOVED;
}

/* Again where memory was short: what is not read would be lost. */
static s64 read_some(const struct end *from, u8 *to, u64 size) {
  s64 count = 0;
  for (int tries = 0; tries < READ_TRIES; tries++) {
    count = from->is_socket ? sys(recvfrom, from->fd, to, size, MSG_DONTWAIT_, 0, 0) : sys(read, from->fd, to, size);
    if (!is_error(count) || count == -EAGAIN || count == -EIO || count == -ECONNRESET) break;
  }
  return count;
}

static s64 read_filtered(struct flow *flow) {
  u8 typed[TYPED_AT_ONCE];
  s64 count = read_some(&flow->from, typed, sizeof typed);
  if (count <= 0) return count;
  flow->end = flow->filter(typed, (u32)count, flow->buffer);
  return count;
}

static enum flow_result flow_read(struct flow *flow) {
  const struct end *from = &flow->from;
  s64 count = flow->filter ? read_filtered(flow) : read_some(from, flow->buffer, FLOW_BUFFER);
  if (count == -EAGAIN || count == -EINTR) return NOTHING_TO_READ;
  /* EIO from a terminal in the background: it is there, but not for us now. Else from a pty: nobody holds the other side. */
  if (count == -EIO && from->fd == 0 && !terminal_is_foreground()) return NOTHING_TO_READ;
  if (count <= 0) return INPUT_ENDED;
  flow->start = 0;
  if (!flow->filter) flow->end = (u32)count;
  flow->left -= count;
  return MOVED;
}

void flow_put(struct flow *flow, u32 (*source)(u8 *to)) {
  flow->start = 0;
  flow->end = source(flow->buffer);
  flow->state = FLOW_WAITS_FOR_ROOM;
}

static enum flow_result flow_write(struct flow *flow) {
  const struct end *to = &flow->to;
  u64 size = flow->end - flow->start;
  const u8 *at = flow->buffer + flow->start;
  if (to->may_block && !ready(to->fd, POLLOUT)) return NO_ROOM;
  if (to->may_block && size > PIPE_ATOMIC) size = PIPE_ATOMIC;
  s64 count = to->is_socket ? sys(sendto, to->fd, at, size, MSG_DONTWAIT_ | MSG_NOSIGNAL_, 0, 0) : sys(write, to->fd, at, size);
  if (count == -EAGAIN) return NO_ROOM;
  if (count == -EINTR) return MOVED;
  if (is_error(count)) return output_failed(flow, count);
  flow->start += (u32)count;
  if (count) flow->last = at[count - 1];
  return MOVED;
}

enum flow_result flow_move(struct flow *flow) {
  enum flow_result result;
  if (flow->splices) {
    result = flow_splice(flow);
  } else {
    result = flow->start < flow->end ? MOVED : flow_read(flow);
    while (result == MOVED && flow->start < flow->end) result = flow_write(flow);
  }
  if (flow->draining && result == MOVED && flow->left <= 0) result = INPUT_ENDED;
  flow->state = result == NO_ROOM ? FLOW_WAITS_FOR_ROOM : FLOW_WAITS_FOR_INPUT;
  if (result >= INPUT_ENDED || (flow->draining && result == NOTHING_TO_READ)) flow->state = FLOW_ENDED;
  return result;
}

void flow_drain(struct flow *flow) {
  s32 waiting = 0;
  flow->draining = 1;
  sys(ioctl, flow->from.fd, FIONREAD, &waiting);
  flow->left = waiting > DRAIN_AT_LEAST ? waiting : DRAIN_AT_LEAST;
}
