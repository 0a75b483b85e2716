/* What the tests need and a shell cannot do. Statically linked, so that it runs inside any root as well. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEYCTL_SEARCH 10
#define SESSION_KEYRING (-3)
#define EVERY_MS 5

static const char *result(long value) { return value < 0 ? strerrorname_np(errno) : "ok"; }

/* Without opening one: /proc/self/fd needs a descriptor itself. */
static int print_descriptors(void) {
  for (int fd = 0; fd < 65536; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  printf("\n");
  return 0;
}

static int push_input(void) {
  char line[] = "x\n"; /* a whole line, so that whoever asks how much is there counts it */
  const char *names[] = {"stdin", "stdout", "stderr", "/dev/tty"};
  for (int i = 0; i < 4; i++) {
    int fd = i < 3 ? i : open(names[3], O_RDWR);
    long pushed = fd < 0 ? -1 : ioctl(fd, TIOCSTI, line);
    printf("%s %s\n", names[i], result(pushed < 0 ? -1 : ioctl(fd, TIOCSTI, line + 1)));
  }
  return 0;
}

static int find_key(const char *name) {
  printf("%s\n", result(syscall(SYS_keyctl, KEYCTL_SEARCH, SESSION_KEYRING, "user", name, 0)));
  return 0;
}

/* open_by_handle_at(2) with the handle of a root directory: how "shocker" left its container. */
static int open_by_handle(const char *path) {
  struct { struct file_handle handle; char space[128]; } root = {{sizeof root.space, 2}, {0}};
  unsigned inode[2] = {2, 0};
  memcpy(root.handle.f_handle, inode, sizeof inode);
  root.handle.handle_bytes = sizeof inode;
  root.handle.handle_type = 1;
  int at = open(path, O_RDONLY);
  printf("%s\n", result(at < 0 ? -1 : open_by_handle_at(at, &root.handle, O_RDONLY)));
  return 0;
}

static long children(void) {
  char path[64], line[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long length = read(fd, line, sizeof line - 1);
  close(fd);
  if (length <= 0) return 0;
  line[length] = 0;
  dprintf(2, "left: %s\n", line);
  return length;
}

/* Every process that the command leaves becomes our child. What still runs two seconds later has been leaked: exit 99. */
static int run_watched(char **command) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    _exit(98);
  }
  int status = 0, code = 0;
  for (int waited = 0, others = 1; others || code < 0;) {
    pid_t ended = waitpid(-1, &status, waited ? WNOHANG : 0);
    if (ended == child) {
      code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      waited = 1;
    }
    if (ended < 0) return code;
    if (ended == 0) {
      if (++waited > 2000 / EVERY_MS) return children() ? 99 : code;
      nanosleep(&(struct timespec){0, EVERY_MS * 1000000}, 0);
    }
  }
  return code;
}

static int new_keyring(const char *key) {
  long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
  return ring < 0 ? -1 : (int)syscall(SYS_add_key, "user", key, "secret", 6, SESSION_KEYRING);
}

static void set_state(int letter, char *value) {
  char *equals = strchr(value, '=');
  int number = atoi(value), bad = 0;
  sigset_t set;
  if (letter == 'c') bad = close(number);
  if (letter == 'o') bad = dup2(open(equals + 1, O_RDONLY), number) < 0;
  if (letter == 'i') bad = signal(number, SIG_IGN) == SIG_ERR;
  if (letter == 'b') sigemptyset(&set), sigaddset(&set, number), bad = sigprocmask(SIG_BLOCK, &set, 0);
  if (letter == 'u') umask((mode_t)strtol(value, 0, 8));
  if (letter == 'n') bad = setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)number, (rlim_t)number});
  if (letter == 'C') bad = setrlimit(RLIMIT_CORE, &(struct rlimit){0, (rlim_t)number});
  if (letter == 'k') bad = new_keyring(value) < 0;
  if (bad) fprintf(stderr, "probe: -%c %s: %s\n", letter, value, strerror(errno)), exit(97);
}

/* launch [-c fd-to-close] [-o fd=path] [-i ignored] [-b blocked] [-u umask] [-n nofile] [-C core] [-k key] command… */
static int launch(char **words) {
  for (; *words && words[0][0] == '-'; words += 2) set_state(words[0][1], words[1]);
  execvp(words[0], words);
  return 98;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  setvbuf(stdout, 0, _IONBF, 0);
  if (!strcmp(verb, "fds")) return print_descriptors();
  if (!strcmp(verb, "push")) return push_input();
  if (!strcmp(verb, "key") && argc > 2) return find_key(argv[2]);
  if (!strcmp(verb, "handle") && argc > 2) return open_by_handle(argv[2]);
  if (!strcmp(verb, "watch") && argc > 2) return run_watched(argv + 2);
  if (!strcmp(verb, "launch") && argc > 2) return launch(argv + 2);
  return 96;
}
