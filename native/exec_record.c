/* exec_record.c: how an exec'ed process ended, behind what was written when it started (run_record.c). */
#include <linux/fcntl.h>
#include "player.h"

#define END_SIZE 128
#define SEEK_SET_ 0
#define SEEK_END_ 2
static const char brace[] = "}\n"; /* the end of what is there */

static s64 copy_without_end(s64 to, s64 from) {
  s64 length = sys(lseek, from, 0, SEEK_END_) - (s64)(sizeof brace - 1);
  if (length <= 0) return -EINVAL_;
  sys(lseek, from, 0, SEEK_SET_);
  s64 copied = sys(sendfile, to, from, 0, length);
  return copied == length || is_error(copied) ? copied : -EINVAL_;
}

static s64 put_end(s64 to, const struct tape *tape) {
  char bytes[END_SIZE];
  struct text text = { bytes, 0 };
  put_field(&text, ",\"exitCode\":", exit_code(tape->slots[SLOT_STATUS]));
  put_field(&text, ",\"finishedNs\":\"", tape->slots[SLOT_FINISHED]);
  put_text(&text, "\"");
  put_text(&text, brace);
  return write_all(to, bytes, text.length);
}

/* arg: dir, path, temporary path. Whole or not at all. */
s64 record_exec_end(const struct tape *tape, const s64 *arg) {
  s64 from = sys(openat, arg[0], arg[1], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
  if (is_error(from)) return from;
  s64 to = sys(openat, arg[0], arg[2], O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  s64 result = is_error(to) ? to : copy_without_end(to, from);
  if (!is_error(result)) result = put_end(to, tape);
  sys(close, from);
  if (is_error(to)) return result;
  sys(close, to);
  if (!is_error(result)) result = sys(renameat2, arg[0], arg[2], arg[0], arg[1], 0);
  if (is_error(result)) sys(unlinkat, arg[0], arg[2], 0);
  return result;
}
