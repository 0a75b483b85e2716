/* exit_record.c: how a container ended, written whole or not at all: temporary name, fsync, rename, fsync of the directory. */
#include <linux/fcntl.h>
#include "player.h"

#define RECORD_SIZE 256

/* The number behind "oom_kill " in memory.events (v2) or memory.oom_control (v1); 0 when there is none. */
static s64 oom_count(const char *path) {
  static const char key[] = "oom_kill ";
  char buffer[512];
  s64 fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (is_error(fd)) return 0;
  s64 length = sys(read, fd, buffer, sizeof buffer - 1);
  sys(close, fd);
  for (s64 at = 0; at < length; at++) {
    u64 same = 0;
    while (same < sizeof key - 1 && at + (s64)same < length && buffer[at + (s64)same] == key[same]) same++;
    if (same < sizeof key - 1 || (at && buffer[at - 1] != '\n')) continue;
    s64 count = 0;
    for (at += (s64)same; at < length && buffer[at] >= '0' && buffer[at] <= '9'; at++) count = count * 10 + buffer[at] - '0';
    return count;
  }
  return 0;
}

/* Of the run that has ended last, and what the file had counted before it: a run may have its cgroup from another. */
static s64 ended, kills, before;

s64 oom_base(s64 count) {
  if (!ended) before = count;
  return 0;
}

/* Counted once for each end. A cgroup that was made anew has begun anew. */
s64 oom_kills(const struct tape *tape, const char *path) {
  if (ended && ended == tape->slots[SLOT_FINISHED]) return kills;
  s64 now = oom_count(path);
  kills = now < before ? now : now - before;
  before = now;
  ended = tape->slots[SLOT_FINISHED];
  return kills;
}

static s64 write_durably(s64 dir, const char *name, const char *temporary, const struct text *text) {
  s64 fd = sys(openat, dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (is_error(fd)) return fd;
  s64 result = write_all(fd, text->bytes, text->length);
  if (!is_error(result)) result = sys(fsync, fd);
  sys(close, fd);
  if (!is_error(result)) result = sys(renameat2, dir, temporary, dir, name, 0);
  if (!is_error(result)) result = sys(fsync, dir);
  return result;
}

/* arg: dir (open for reading, so that it can be synced), name, temporary name, memory events file or 0. */
s64 record_exit(struct tape *tape, const s64 *arg) {
  s64 status = tape->slots[SLOT_STATUS];
  s64 signal = status & 127;
  char bytes[RECORD_SIZE];
  struct text text = { bytes, 0 };
  put_text(&text, "{\"version\":1");
  put_field(&text, ",\"exitCode\":", exit_code(status));
  put_field(&text, ",\"signal\":", signal);
  put_field(&text, ",\"finishedNs\":\"", tape->slots[SLOT_FINISHED]);
  put_text(&text, "\"");
  put_field(&text, ",\"oomKills\":", arg[3] ? oom_kills(tape, (const char *)arg[3]) : 0);
  put_text(&text, "}\n");
  return write_durably(arg[0], (const char *)arg[1], (const char *)arg[2], &text);
}
