/* socket.c: Unix sockets: names in directories that we hold, messages, and descriptors that travel with them. */
#include <linux/fcntl.h>
#include <linux/un.h>
#include "player.h"

#define AF_UNIX_ 1
#define SOL_SOCKET_ 1
#define SCM_RIGHTS_ 1
#define MSG_CMSG_CLOEXEC_ 0x40000000
#define MSG_DONTWAIT_ 0x40
#define MSG_NOSIGNAL_ 0x4000
#define MOST_FDS 3
#define CONTROL_HEADER 16 /* of a control message: length, level, type */

struct fd_message {
  struct { void *base; u64 length; } io;
  struct { void *name; s32 name_length, pad; void *io; u64 io_length; void *control; u64 control_length; u32 flags, pad2; } header;
  struct { u64 length; s32 level, type; s32 fds[MOST_FDS + 1]; } control;
};

static void prepare(struct fd_message *message, void *bytes, u64 length) {
  memset(message, 0, sizeof *message);
  message->io.base = bytes;
  message->io.length = length;
  message->header.io = &message->io;
  message->header.io_length = 1;
  message->header.control = &message->control;
  message->header.control_length = sizeof message->control;
}

static void attach_fds(struct fd_message *message, const s64 *fds, int count) {
  int attached = 0;
  for (int i = 0; i < count; i++)
    if (fds[i] >= 0) message->control.fds[attached++] = (s32)fds[i];
  message->control.length = CONTROL_HEADER + (u64)attached * sizeof(s32);
  message->control.level = SOL_SOCKET_;
  message->control.type = SCM_RIGHTS_;
  message->header.control_length = attached ? CONTROL_HEADER + (((u64)attached * sizeof(s32) + 7) & ~7ul) : 0;
}

static int attached_fds(const struct fd_message *message) {
  if (message->header.control_length < CONTROL_HEADER || message->control.type != SCM_RIGHTS_) return 0;
  return (int)((message->control.length - CONTROL_HEADER) / sizeof(s32));
}

s64 send_fd(s64 socket, s64 fd) {
  struct fd_message message;
  char byte = 'f';
  prepare(&message, &byte, 1);
  attach_fds(&message, &fd, 1);
  s64 result = sys(sendmsg, socket, &message.header, MSG_NOSIGNAL_);
  return is_error(result) ? result : 0;
}

/* Who sends it is done by now: a clone has executed. Or was killed before, and to wait would be for ever: we hold the other end, too. */
s64 receive_fd(s64 socket) {
  struct fd_message message;
  char byte;
  prepare(&message, &byte, 1);
  s64 result = sys(recvmsg, socket, &message.header, MSG_CMSG_CLOEXEC_ | MSG_DONTWAIT_);
  if (result == 0 || result == -EAGAIN_) return -EPIPE_;
  if (is_error(result)) return result;
  return attached_fds(&message) == 1 ? message.control.fds[0] : -EPROTO_;
}

s64 send_message(s64 socket, const struct control *control, const s64 fds[MOST_FDS]) {
  struct fd_message message;
  prepare(&message, (void *)control, sizeof *control);
  attach_fds(&message, fds, MOST_FDS);
  s64 result = sys(sendmsg, socket, &message.header, MSG_NOSIGNAL_ | MSG_DONTWAIT_);
  return is_error(result) ? result : 0;
}

s64 receive_message(s64 socket, struct control *control, s32 fds[MOST_FDS], int *count) {
  struct fd_message message;
  prepare(&message, control, sizeof *control);
  *count = 0;
  s64 result = sys(recvmsg, socket, &message.header, MSG_CMSG_CLOEXEC_ | MSG_DONTWAIT_);
  if (is_error(result)) return result;
  int came = attached_fds(&message);
  for (int i = 0; i < came && i < MOST_FDS; i++) fds[(*count)++] = message.control.fds[i];
  if (came > MOST_FDS) sys(close, message.control.fds[MOST_FDS]); /* there is room for one too many, and the kernel drops the rest */
  return result;
}

/* sun_path has 108 bytes, which a path of the user's may exceed: by way of the directory's descriptor it never does. */
static s64 address_at(struct sockaddr_un *address, s64 dir, const char *name) {
  struct text path = { address->sun_path, 0 };
  if (text_length(name) > 64) return -ENAMETOOLONG_;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX_;
  put_field(&path, "/proc/self/fd/", dir);
  put_text(&path, "/");
  put_text(&path, name);
  return 0;
}

s64 bind_at(s64 socket, s64 dir, const char *name) {
  struct sockaddr_un address;
  s64 result = address_at(&address, dir, name);
  if (!is_error(result)) result = sys(fchmod, socket, 0600);
  return is_error(result) ? result : sys(bind, socket, &address, sizeof address);
}

s64 connect_at(s64 socket, s64 dir, const char *name) {
  struct sockaddr_un address;
  s64 result = address_at(&address, dir, name);
  return is_error(result) ? result : sys(connect, socket, &address, sizeof address);
}
