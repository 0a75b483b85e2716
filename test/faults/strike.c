/* strike: runs a program and all that it starts, and fails one system call of theirs, or kills processes just before it.
 *
 *   strike FROM ROLE NAME NTH ACTION -- program arguments…
 *
 * Why not strace --inject: its `when=N` counts for every process and thread apart, so that one N strikes several calls, and it can
 * kill nobody but who makes the call. Here a call is named by who makes it, its name, and how many of that name that one has made.
 *   FROM    nothing is counted before a path that holds this text: Node's own start
 *   ROLE    cli, cli.1 (its first child), cli.1.1 …; cli/thread: any but the first thread; what became a role of tsrun-monitor: keep …
 *   ACTION  list: only say what there is; errno:N; kill:ORIGIN,…: SIGKILL to these (cli, cli.1 …); kill:all
 * Descriptor 3 is told, a line each: `born ORIGIN`, `gone ORIGIN`, `call ROLE NAME NTH DETAIL` (list), `made PATH` (directories),
 * `hit DETAIL`, `end STATUS` of the program, as wait(2) packs it. What is orphaned becomes our child: once descriptor 0 is closed, whoever does
 * not end within two seconds is `left PID COMMAND`, and killed. A command inside the container is let go as soon as it executes. */
#include "tasks.h"
#include "calls.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/reg.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_MS 2000
#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

static int counting, leaving;
static const char *from, *want_role, *want_name, *action;
static int want_nth;

static int is_victim(const char *origin) {
  const char *list = action + strlen("kill:");
  if (!strcmp(list, "all")) return 1;
  for (size_t length; *list; list += length + (list[length] == ',')) {
    length = strcspn(list, ",");
    if (strlen(origin) == length && !strncmp(list, origin, length)) return 1;
  }
  return 0;
}

static void leave(void) {
  leaving = 1;
  for (int i = 0; i < task_count; i++) if (tasks[i].traced) ptrace(PTRACE_INTERRUPT, tasks[i].pid, 0, 0);
}

static void strike(struct task *task, const char *detail) {
  say("hit %s", detail);
  if (!strncmp(action, "errno:", 6)) {
    task->forced = atol(action + 6);
    ptrace(PTRACE_POKEUSER, task->pid, 8 * ORIG_RAX, -1L);
  } else
    for (int i = 0; i < task_count; i++)
      if (tasks[i].pidfd >= 0 && is_victim(tasks[i].origin)) syscall(SYS_pidfd_send_signal, tasks[i].pidfd, SIGKILL, 0, 0);
  leave();
}

static void entered(struct task *task, const struct __ptrace_syscall_info *info) {
  char detail[300], unknown[24];
  long number = info->entry.nr;
  describe(task->pid, info, detail, sizeof detail);
  if (!counting && strstr(detail, from)) counting = 1;
  if (!counting) return;
  if (number == SYS_mkdirat || number == SYS_mkdir) say("made %s", detail);
  snprintf(unknown, sizeof unknown, "nr%ld", number);
  const char *name = number >= 0 && number < MAX_CALLS && calls[number].name ? calls[number].name : unknown;
  int thread = number == SYS_clone3; /* of Node's own: said apart, by its flags */
  if (thread) {
    unsigned long flags = 0;
    struct iovec ours = { &flags, sizeof flags }, theirs = { (void *)info->entry.args[0], sizeof flags };
    process_vm_readv(task->pid, &ours, 1, &theirs, 1, 0);
    snprintf(detail, sizeof detail, "%s", flags & 0x10000 ? "thread" : "process");
  }
  if (number == SYS_mmap) snprintf(detail, sizeof detail, "%llu", (unsigned long long)info->entry.args[1]);
  int nth = count(task->role, name);
  if (!strcmp(action, "list")) say("call %s %s %d %s", task->role, name, nth, detail);
  else if (!strcmp(task->role, want_role) && !strcmp(name, want_name) && nth == want_nth) strike(task, detail);
}

static void at_call(struct task *task) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, task->pid, sizeof info, &info) < 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !leaving) entered(task, &info);
  if (info.op != PTRACE_SYSCALL_INFO_EXIT || !task->forced) return;
  ptrace(PTRACE_POKEUSER, task->pid, 8 * RAX, -task->forced);
  task->forced = 0;
}

/* A role of the monitor is traced further, by its name; a command of the container is let go. */
static int executed(struct task *task) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/cmdline", task->pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return 1;
  line[length] = 0;
  const char *base = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;
  if (!strcmp(base, "node") || !strcmp(task->origin, "cli") && !strstr(line, "tsrun-")) return 1;
  if (strncmp(base, "tsrun-", 6)) return 0;
  const char *role = line + strlen(line) + 1 < line + length ? line + strlen(line) + 1 : base;
  snprintf(task->role, sizeof task->role, "%.60s", role);
  return 1;
}

static void let_go(struct task *task, int signal) {
  ptrace(PTRACE_DETACH, task->pid, 0, signal);
  task->traced = 0;
}

static void stopped(struct task *task, int status) {
  int signal = WSTOPSIG(status), event = status >> 16, pass = 0;
  if (signal == (SIGTRAP | 0x80)) at_call(task);
  else if (event == PTRACE_EVENT_EXEC) {
    if (!executed(task)) { let_go(task, 0); return; }
  } else if (event == PTRACE_EVENT_STOP) {
    if (signal != SIGTRAP && !leaving) { ptrace(PTRACE_LISTEN, task->pid, 0, 0); return; } /* stopped by a signal, and to stay so */
  } else if (!event) pass = signal;
  if (leaving && !task->forced) let_go(task, pass);
  else ptrace(PTRACE_SYSCALL, task->pid, 0, pass);
}

static void take(pid_t pid, int status, pid_t first) {
  if (WIFSTOPPED(status)) {
    struct task *task = meet(pid);
    if (task->traced) stopped(task, status);
    return;
  }
  struct task *task = find(pid);
  if (task) forget(task);
  if (pid == first) say("end %d", status);
}

static int is_closed(int fd) {
  struct pollfd wait = { fd, 0, 0 };
  return poll(&wait, 1, 0) > 0;
}

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static int end_those_left(void) {
  char path[64], line[4096], name[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = read(fd, line, sizeof line - 1);
  close(fd);
  line[length < 0 ? 0 : length] = 0;
  int found = 0;
  for (char *word = strtok(line, " "); word; word = strtok(0, " "), found = 1) {
    snprintf(path, sizeof path, "/proc/%s/comm", word);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
    if (fd >= 0) close(fd);
    name[length < 1 ? 0 : length - 1] = 0;
    struct task *task = find(atoi(word));
    say("left %s %s, once %s", word, name, task ? task->origin : "unknown");
    kill(atoi(word), SIGKILL);
  }
  return found;
}

static int watch(pid_t first) {
  long long deadline = 0;
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);
    if (pid > 0) take(pid, status, first);
    else if (pid < 0 && is_closed(0)) return 0;
    else if (pid < 0) poll(&(struct pollfd){ 0, 0, 0 }, 1, -1);
    else {
      sigset_t child; /* a signal that is blocked and pending: no stop is missed, and none is waited for in vain */
      sigemptyset(&child);
      sigaddset(&child, SIGCHLD);
      sigtimedwait(&child, 0, &(struct timespec){ 0, 20000000 });
    }
    if (!is_closed(0)) continue;
    if (!leaving) leave();
    if (!deadline) deadline = now_ms() + PATIENCE_MS;
    if (now_ms() > deadline && (!end_those_left() || now_ms() > deadline + PATIENCE_MS)) return 99;
  }
}

int main(int argc, char **argv) {
  if (argc < 8 || strcmp(argv[6], "--")) return 96;
  from = argv[1], want_role = argv[2], want_name = argv[3], want_nth = atoi(argv[4]), action = argv[5];
  know_calls();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  fcntl(REPORT, F_SETFD, FD_CLOEXEC);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, 0);
  pid_t first = fork();
  if (first == 0) {
    sigprocmask(SIG_UNBLOCK, &child, 0);
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    raise(SIGSTOP);
    execvp(argv[7], argv + 7);
    _exit(98);
  }
  int status;
  waitpid(first, &status, WUNTRACED);
  if (ptrace(PTRACE_SEIZE, first, 0, OPTIONS) < 0) return 97;
  meet(first);
  kill(first, SIGCONT);
  return watch(first);
}
