/* run_record.c: which processes a run is, written by the monitor-to-be as soon as PID 1 executes: nobody else can come too late. */
#include <linux/fcntl.h>
#include "player.h"

#define REST_SIZE 256
#define STAT_SIZE 1024
#define CLOCK_REALTIME_ 0

/* proc(5): the name, which may hold any character, is in parentheses; behind it the state is field 3, and the start time is field 22. */
static s64 put_start_time(struct text *text, const char *path) {
  enum { STATE = 3, START_TIME = 22 };
  char stat[STAT_SIZE];
  s64 fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (is_error(fd)) return fd;
  s64 length = sys(read, fd, stat, sizeof stat);
  sys(close, fd);
  if (is_error(length)) return length;
  s64 at = length;
  while (at && stat[at - 1] != ')') at--;
  for (int field = STATE; at < length && field <= START_TIME; field++) {
    at++; /* the blank in front of it */
    for (; at < length && stat[at] != ' '; at++)
      if (field == START_TIME) text->bytes[text->length++] = stat[at];
  }
  return 0;
}

static u64 proc_path(char *to, s64 pid, const char *rest) {
  struct text path = { to, 0 };
  put_field(&path, "/proc/", pid);
  put_text(&path, rest);
  to[path.length] = 0;
  return path.length;
}

static s64 describe(struct text *text, s64 pid) {
  char path[48];
  proc_path(path, pid, "/stat");
  put_field(text, ",\"pid\":", pid);
  put_text(text, ",\"startTime\":\"");
  s64 result = put_start_time(text, path);
  if (is_error(result)) return result;
  put_field(text, "\",\"monitor\":{\"pid\":", sys(getpid));
  put_text(text, ",\"startTime\":\"");
  result = put_start_time(text, "/proc/self/stat");
  put_text(text, "\"}}\n");
  return result;
}

static s64 write_parts(const s64 *arg, const char *head, const struct text *rest) {
  s64 fd = sys(openat, arg[0], arg[2], O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (is_error(fd)) return fd;
  s64 result = write_all(fd, head, text_length(head));
  if (!is_error(result)) result = write_all(fd, rest->bytes, rest->length);
  sys(close, fd);
  return is_error(result) ? result : sys(renameat2, arg[0], arg[2], arg[0], arg[1], 0);
}

/* arg: dir, path, temporary path, head, pid. Gone with a reboot, so it is not synchronised. */
s64 record_run(const s64 *arg) {
  char bytes[REST_SIZE];
  struct text text = { bytes, 0 };
  const char *head = (const char *)arg[3];
  s64 result = describe(&text, arg[4]);
  if (is_error(result)) return result;
  return write_parts(arg, head, &text);
}

/* arg: dir, path, temporary path, rest. */
s64 record_start(const s64 *arg) {
  char bytes[64];
  struct text text = { bytes, 0 };
  put_timestamp(&text, clock_ns(CLOCK_REALTIME_));
  bytes[text.length] = 0;
  struct text rest = { (char *)arg[3], text_length((const char *)arg[3]) };
  return write_parts(arg, bytes, &rest);
}

s64 link_root(s64 dir, const char *path, s64 pid) {
  char target[48];
  proc_path(target, pid, "/root");
  s64 result = sys(unlinkat, dir, path, 0);
  if (is_error(result) && result != -ENOENT_) return result;
  return sys(symlinkat, target, dir, path);
}
