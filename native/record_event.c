/* record_event.c: one line at the end of the file of events. What happened does so whether it can be written down or not: no failure
 * here is anybody's. O_APPEND and one writev(2) for a line: the kernel lets no other line come between (it holds the inode's lock). */
#include <linux/fcntl.h>
#include <linux/stat.h>
#include "player.h"

#define FILE_LIMIT (1 << 20)
#define NAME_SIZE 255
#define TAIL_SIZE (256 + NAME_SIZE)
#define PATH_SIZE 4096
#define LOCK_EX_NB 6
#define SECOND_NS 1000000000

struct part {
  const char *bytes;
  u64 length;
};

static int same_file(const struct statx *a, const struct statx *b) {
  return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

/* Whoever holds the lock of the very file that is still at path may move it away: one of many who find it full, and only once. Who
 * has opened it before writes into what is `path.1` by then, where readers look, too. Nobody waits: who holds it is doing it. */
static void rotate(s64 fd, s64 dir, const char *path) {
  char older[PATH_SIZE];
  struct text name = { older, 0 };
  struct statx ours, there;
  if (text_length(path) > PATH_SIZE - sizeof ".1" || is_error(sys(flock, fd, LOCK_EX_NB))) return;
  if (is_error(sys(statx, fd, "", AT_EMPTY_PATH, STATX_INO, &ours))) return;
  if (is_error(sys(statx, dir, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &there)) || !same_file(&ours, &there)) return;
  put_text(&name, path);
  put_text(&name, ".1");
  older[name.length] = 0;
  sys(renameat2, dir, path, dir, older, 0);
}

static int is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* The container's name by now: the last component of what the link leads to. The head has an older one: of two the later counts. */
static void put_name(struct text *tail, s64 link) {
  char target[NAME_SIZE + PATH_SIZE];
  s64 length = link > 2 ? sys(readlinkat, link, "", target, sizeof target) : 0;
  s64 at = is_error(length) ? 0 : length;
  while (at > 0 && length - at <= NAME_SIZE && is_name(target[at - 1])) at--;
  if (at <= 0 || at == length || target[at - 1] != '/') return;
  put_text(tail, ",\"name\":\"");
  memcpy(tail->bytes + tail->length, target + at, (u64)(length - at));
  tail->length += (u64)(length - at);
  put_text(tail, "\"");
}

/* When the run began that a monitor has started again; 0: it is the one that the tape was made for. */
static s64 began_again;

void begin_again(void) { began_again = (s64)clock_ns(0); }

/* The end of the line: an event's last attributes, and its time. */
static u64 put_tail(char *to, s64 status, s64 ended, s64 renamed) {
  struct text tail = { to, 0 };
  s64 now = (s64)clock_ns(0);
  put_name(&tail, renamed);
  if (ended) {
    put_field(&tail, ",\"exitCode\":\"", exit_code(status));
    put_text(&tail, "\"");
  }
  if (ended > 1) {
    s64 began = began_again ? began_again : ended;
    put_field(&tail, ",\"execDuration\":\"", now > began ? (now - began) / SECOND_NS : 0);
    put_text(&tail, "\"");
  }
  put_field(&tail, "}},\"scope\":\"local\",\"time\":", now / SECOND_NS);
  put_field(&tail, ",\"timeNano\":", now);
  put_text(&tail, "}\n");
  return tail.length;
}

/* arg: dir, path, head, ended, renamed, memory events file or 0. */
s64 record_event(const struct tape *tape, const s64 *arg) {
  char tail[TAIL_SIZE];
  if (arg[5] && !oom_kills(tape, (const char *)arg[5])) return 0;
  s64 fd = sys(openat, arg[0], arg[1], O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (is_error(fd)) return 0;
  const char *head = (const char *)arg[2];
  struct part line[2] = { { head, text_length(head) }, { tail, put_tail(tail, tape->slots[SLOT_STATUS], arg[3], arg[4]) } };
  if (sys(writev, fd, line, 2) > 0 && sys(lseek, fd, 0, 1 /* SEEK_CUR: behind what was appended */) >= FILE_LIMIT)
    rotate(fd, arg[0], (const char *)arg[1]);
  sys(close, fd);
  return 0;
}
