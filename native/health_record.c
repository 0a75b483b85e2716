/* health_record.c: health → health.json. Gone through once, with a small buffer: what is written now and then is to hold no memory.
 *
 *   {"version":1,"status":"starting"|"healthy"|"unhealthy","failingStreak":0,"log":[{"startNs":"…","endNs":"…","exitCode":0,
 *   "errno":0,"timeout":false,"truncated":false,"output":"…"}, …]}   the oldest first; output: what is no UTF-8 is U+FFFD */
#include <linux/fcntl.h>
#include "health.h"
#include "player.h"
#include "utf8.h"

#define ROOM 1024
#define SLACK 64 /* what is put at once is never longer */
#define TEMPORARY "health.json.tmp"

struct writer {
  s64 fd, failed;
  struct text text;
  char bytes[ROOM + SLACK];
};

static void flush(struct writer *to) {
  if (!is_error(to->failed)) to->failed = write_all(to->fd, to->bytes, to->text.length);
  to->text.length = 0;
}

static struct text *make_room(struct writer *to) {
  if (to->text.length > ROOM) flush(to);
  return &to->text;
}

static void put_number(struct writer *to, const char *name, u64 value) { put_field(make_room(to), name, (s64)value); }
static void put_word(struct writer *to, const char *word) { put_text(make_room(to), word); }

static void put_byte(struct writer *to, u8 byte) {
  static const char digits[] = "0123456789abcdef";
  char escaped[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15], 0}, plain[] = {(char)byte, 0};
  put_word(to, byte < 0x20 || byte == '"' || byte == '\\' ? escaped : plain);
}

static void put_output(struct writer *to, const u8 *in, const u8 *end) {
  while (in < end) {
    int length = *in < 0x80 ? 1 : utf8_character(in, end);
    if (length == 1) put_byte(to, *in);
    else if (length <= 0) put_word(to, "\xef\xbf\xbd");
    for (int i = 0; i < length && length > 1; i++) to->text.bytes[to->text.length++] = (char)in[i];
    make_room(to);
    in += length > 0 ? length : 1;
  }
}

static void put_result(struct writer *to, const struct health_result *result) {
  put_number(to, "{\"startNs\":\"", result->start);
  put_number(to, "\",\"endNs\":\"", result->end);
  put_number(to, "\",\"exitCode\":", (u64)result->code);
  put_number(to, ",\"errno\":", (u64)result->error);
  put_word(to, result->late ? ",\"timeout\":true" : ",\"timeout\":false");
  put_word(to, result->cut ? ",\"truncated\":true" : ",\"truncated\":false");
  put_word(to, ",\"output\":\"");
  put_output(to, result->output, result->output + result->length);
  put_word(to, "\"}");
}

static void put_health(struct writer *to, struct health *health) {
  static const char *const words[] = {"starting", "healthy", "unhealthy"};
  put_word(to, "{\"version\":1,\"status\":\"");
  put_word(to, words[health->status]);
  put_number(to, "\",\"failingStreak\":", health->streak);
  put_word(to, ",\"log\":[");
  u64 first = health->count > HEALTH_RESULTS ? health->count - HEALTH_RESULTS : 0;
  for (u64 i = first; i < health->count; i++) {
    if (i > first) put_word(to, ",");
    put_result(to, health_result(health, i));
  }
  put_word(to, "]}\n");
  flush(to);
}

void record_health(s64 dir, struct health *health) {
  struct writer to;
  to.fd = sys(openat, dir, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (is_error(to.fd)) return;
  to.failed = 0;
  to.text = (struct text){to.bytes, 0};
  put_health(&to, health);
  sys(close, to.fd);
  if (!is_error(to.failed)) to.failed = sys(renameat2, dir, TEMPORARY, dir, "health.json", 0);
  if (is_error(to.failed)) sys(unlinkat, dir, TEMPORARY, 0);
}
