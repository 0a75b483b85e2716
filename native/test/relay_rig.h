/* relay_rig.h: a real relay between a caller and a container that are both played by the test. */
#ifndef TSRUN_RELAY_RIG_H
#define TSRUN_RELAY_RIG_H
#include <sys/socket.h>
#include <sys/syscall.h>
#include "protocol.h"
#include "check.h"

#define MEBIBYTE (1 << 20)

static const char *monitor = "build/tsrun-monitor";

struct rig {
  pid_t relay;
  int control;
  int caller[3];    /* the relay's 0-2, as its caller holds them: writer, reader, reader */
  int container[3]; /* stdin reader, stdout writer, stderr writer; with a terminal: its slave in [0] */
};

static inline void pair(int ends[2]) { expect(pipe2(ends, O_CLOEXEC) == 0); }

static inline void place(const int *fds, int count) {
  int high[8];
  for (int i = 0; i < count; i++) high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
  for (int i = 0; i < count; i++) high[i] < 0 ? close(i) : dup2(high[i], i);
}

/* fds: what the relay finds at 0-7, -1 for nothing. */
static inline pid_t start_relay(const char *letters, const int fds[8]) {
  pid_t pid = spawn();
  if (pid) return pid;
  place(fds, 8);
  execl(monitor, "tsrun-monitor", "relay", letters, (char *)0);
  _exit(99);
}

static inline void open_control(int ends[2]) { expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0); }

/* stdio: the caller's 0-2 if they are not pipes made here. */
static inline struct rig start_piped(const char *letters, const int *stdio) {
  struct rig rig;
  int in[2], out[2], errors[2], control[2], caller[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
  pair(in), pair(out), pair(errors), open_control(control);
  for (int i = 0; i < 3; i++) {
    if (stdio) caller[i][i > 0] = stdio[i];
    else pair(caller[i]);
  }
  const int fds[8] = {caller[0][0], caller[1][1], caller[2][1], -1, control[1], strchr(letters, 'i') ? in[1] : -1, out[0], errors[0]};
  rig.relay = start_relay(letters, fds);
  for (int i = 0; i < 8; i++) {
    if (fds[i] >= 0 && (i > 2 || !stdio)) close(fds[i]);
  }
  rig.control = control[0];
  rig.container[0] = in[0], rig.container[1] = out[1], rig.container[2] = errors[1];
  rig.caller[0] = caller[0][1], rig.caller[1] = caller[1][0], rig.caller[2] = caller[2][0];
  return rig;
}

static inline void tell_exited(const struct rig *rig, int code) {
  struct control message = {CONTROL_EXITED, code};
  expect(send(rig->control, &message, sizeof message, 0) == sizeof message);
}

static inline int relay_exit_code(const struct rig *rig) {
  int status = 0;
  expect(waitpid(rig->relay, &status, 0) == rig->relay);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline int next_signal(const struct rig *rig) {
  struct control message;
  expect(recv(rig->control, &message, sizeof message, 0) == sizeof message);
  expect_equal(message.type, CONTROL_SIGNAL);
  return message.value;
}

/* Bytes that tell when one is lost, doubled or moved. */
static inline unsigned char noise(unsigned seed, unsigned at) {
  unsigned mixed = (at + seed) * 2654435761u;
  return (unsigned char)(mixed >> 24 ^ mixed >> 11);
}

/* A child writes size bytes of noise to fd, piece by piece, and ends. */
static inline pid_t feed(int fd, unsigned seed, unsigned size, unsigned piece) {
  pid_t pid = spawn();
  if (pid) return close(fd), pid;
  dup2(fd, 0);
  syscall(SYS_close_range, 3, ~0u, 0);
  unsigned char bytes[65536];
  for (unsigned at = 0; at < size;) {
    unsigned count = size - at < piece ? size - at : piece;
    for (unsigned i = 0; i < count; i++) bytes[i] = noise(seed, at + i);
    for (unsigned done = 0; done < count;) {
      ssize_t written = write(0, bytes + done, count - done);
      if (written < 0) _exit(errno);
      done += (unsigned)written;
    }
    at += count;
  }
  _exit(0);
}

/* Reads until the end and returns the number of bytes; fails at the first wrong one. */
static inline long read_noise(int fd, unsigned seed, unsigned piece) {
  unsigned char bytes[65536];
  unsigned at = 0;
  for (;;) {
    ssize_t count = read(fd, bytes, piece);
    if (count <= 0) return at;
    for (ssize_t i = 0; i < count; i++, at++) {
      if (bytes[i] != noise(seed, at)) fail("byte %u differs", at);
    }
  }
}

#endif
