/* tasks.h: whom strike.c watches: every process and thread, by where it comes from; and what it tells of them. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPORT 3
#define MAX_TASKS 4096

struct task {
  pid_t pid, group;
  int pidfd, traced, inside; /* between entry and exit of a call */
  int children;
  long forced; /* errno that the call in hand ends with, or 0 */
  char origin[64], role[64];
};

static struct task tasks[MAX_TASKS];
static int task_count;

static void say(const char *format, ...) {
  char line[1024];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line - 1, format, list);
  va_end(list);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  for (int i = 0; i < length; i++) if (line[i] == '\n') line[i] = ' ';
  line[length++] = '\n';
  if (write(REPORT, line, length) < 0) return;
}

static struct task *find(pid_t pid) {
  for (int i = task_count - 1; i >= 0; i--) if (tasks[i].pid == pid) return &tasks[i];
  return 0;
}

static long field_of(pid_t pid, const char *field) {
  char path[64], line[256];
  long value = -1;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file)) if (!strncmp(line, field, strlen(field))) value = atol(line + strlen(field));
  if (file) fclose(file);
  return value;
}

static struct task *meet(pid_t pid) {
  struct task *task = find(pid);
  if (task) return task;
  if (task_count == MAX_TASKS) exit(97);
  pid_t group = field_of(pid, "Tgid:"), parent = field_of(pid, "PPid:");
  struct task *leader = group == pid ? 0 : find(group), *above = group == pid ? find(parent) : 0;
  task = &tasks[task_count++];
  *task = (struct task){ .pid = pid, .group = group, .pidfd = -1, .traced = 1 };
  if (leader) {
    strcpy(task->origin, leader->origin);
    snprintf(task->role, sizeof task->role, "%.50s/thread", leader->role);
    return task;
  }
  if (above) snprintf(task->origin, sizeof task->origin, "%.50s.%d", above->origin, ++above->children);
  else strcpy(task->origin, "cli");
  strcpy(task->role, task->origin);
  task->pidfd = syscall(SYS_pidfd_open, pid, 0);
  say("born %s", task->origin);
  return task;
}

static void forget(struct task *task) {
  if (task->pid == task->group) say("gone %s", task->origin);
  if (task->pidfd >= 0) close(task->pidfd);
  *task = tasks[--task_count];
}
