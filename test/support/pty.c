/* pty ROWS COLUMNS command…: runs it on a terminal of its own, which it controls. Our stdin is typed, what it shows is our stdout.
 * Descriptor 3 takes orders, a line each: "size ROWS COLUMNS", "modes". Descriptor 4 tells: "pid N", and with "modes", at the
 * beginning and at the end, one line of the terminal's modes and how many bytes wait to be read. Ends with the command's code. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ORDERS 3
#define TELL 4

static int master, slave;

static void tell_modes(const char *when) {
  struct termios modes;
  int waiting = 0;
  tcgetattr(slave, &modes);
  ioctl(slave, FIONREAD, &waiting);
  dprintf(TELL, "%s i=%x o=%x c=%x l=%x raw=%d waiting=%d\n", when, modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag,
          !(modes.c_lflag & ICANON), waiting);
}

static void obey(void) {
  char text[256];
  ssize_t length = read(ORDERS, text, sizeof text - 1);
  if (length <= 0) {
    close(ORDERS);
    return;
  }
  text[length] = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
    struct winsize size = {0};
    if (sscanf(line, "size %hu %hu", &size.ws_row, &size.ws_col) == 2) ioctl(master, TIOCSWINSZ, &size);
    if (!strcmp(line, "modes")) tell_modes("modes");
  }
}

static int carry(int from, int to) {
  char bytes[4096];
  ssize_t length = read(from, bytes, sizeof bytes);
  for (ssize_t at = 0, wrote; at < length; at += wrote)
    if ((wrote = write(to, bytes + at, (size_t)(length - at))) <= 0) return 0;
  return length > 0;
}

/* Until the command has ended and shown everything. */
static int serve(pid_t child) {
  struct pollfd polled[] = {{0, POLLIN, 0}, {master, POLLIN, 0}, {ORDERS, POLLIN, 0}};
  for (int status = 0, ended = 0;;) {
    int ready = poll(polled, 3, ended ? 50 : 10);
    if (polled[0].revents && !carry(0, master)) polled[0].fd = -1;
    if (polled[1].revents) carry(master, 1);
    if (polled[2].revents) obey();
    if (!ended && waitpid(child, &status, WNOHANG) == child) ended = 1;
    else if (ended && ready == 0) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (fcntl(ORDERS, F_GETFD) < 0) polled[2].fd = -1;
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 96;
  struct winsize size = {.ws_row = (unsigned short)atoi(argv[1]), .ws_col = (unsigned short)atoi(argv[2])};
  if (openpty(&master, &slave, 0, 0, &size)) return 97;
  tell_modes("begin");
  pid_t child = fork();
  if (!child) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
    closefrom(3);
    execvp(argv[3], argv + 3);
    _exit(98);
  }
  dprintf(TELL, "pid %d\n", child);
  int code = serve(child);
  tell_modes("end");
  return code;
}
