/* hello SOCKET VALUE FILE…: connects, says HELLO with this value and the descriptors of each FILE, and prints type and value of every
 * word that comes, until the monitor hangs up or, after a word, our input ends. A FILE is a path, `pipe` (to write), `reader` (a pipe to
 * read), `socket`, or `closed`: a socket whose other end is gone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int open_named(const char *name) {
  int ends[2];
  if (!strcmp(name, "pipe")) return pipe(ends) ? -1 : ends[1];
  if (!strcmp(name, "reader")) return pipe(ends) ? -1 : ends[0];
  if (strcmp(name, "socket") && strcmp(name, "closed")) return open(name, strcmp(name, "/") ? O_RDWR : O_RDONLY);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) return -1;
  if (!strcmp(name, "closed")) close(ends[1]);
  return ends[0];
}

static void say_hello(int control, int value, const int *fds, int count) {
  unsigned message[2] = {5, (unsigned)value};
  union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int) * 16)]; } room = {0};
  struct iovec io = {message, sizeof message};
  struct msghdr header = {.msg_iov = &io, .msg_iovlen = 1};
  if (count) {
    header.msg_control = &room;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * (unsigned)count);
    struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    *first = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int) * (unsigned)count), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(first), fds, sizeof(int) * (unsigned)count);
  }
  if (sendmsg(control, &header, MSG_NOSIGNAL) < 0) perror("sendmsg");
}

int main(int argc, char **argv) {
  if (argc < 3) return 96;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  int control = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(control, (struct sockaddr *)&address, sizeof address)) return perror("connect"), 97;
  int fds[16], count = 0;
  for (int i = 3; i < argc && count < 16; i++) {
    fds[count] = open_named(argv[i]);
    if (fds[count++] < 0) return perror(argv[i]), 98;
  }
  say_hello(control, (int)strtol(argv[2], 0, 0), fds, count);
  for (struct pollfd polled[] = {{control, POLLIN, 0}, {-1, POLLIN, 0}};;) {
    poll(polled, 2, -1);
    int word[2];
    if (polled[0].revents) {
      if (recv(control, word, sizeof word, 0) != sizeof word) return 0;
      printf("%d %d\n", word[0], word[1]);
      fflush(stdout);
      polled[1].fd = 0;
    }
    if (polled[1].revents && read(0, word, sizeof word) <= 0) return 0;
  }
}
