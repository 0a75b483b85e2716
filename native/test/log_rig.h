/* log_rig.h: a log in a directory of its own, and what can be read from it again. */
#ifndef TSRUN_LOG_RIG_H
#define TSRUN_LOG_RIG_H
#include <sys/mount.h>
#include <sys/stat.h>
#include "check.h"
#include "log.h"

#define MOST (8 << 20)

static char dir_name[64];
static int dir;
static struct log log_;

static inline void set_up(u64 max_size, u32 max_files) {
  strcpy(dir_name, "/tmp/tsrun-log-XXXXXX");
  expect(mkdtemp(dir_name));
  dir = open(dir_name, O_RDONLY | O_DIRECTORY);
  expect(dir >= 0);
  log_open(&log_, dir, max_size, max_files);
}

static inline void tear_down(void) {
  static const char *names[] = {"log.jsonl", "log.jsonl.1", "log.jsonl.2", "log.jsonl.3"};
  log_close(&log_);
  for (int i = 0; i < 4; i++) unlinkat(dir, names[i], 0), unlinkat(dir, names[i], AT_REMOVEDIR);
  expect(rmdir(dir_name) == 0);
}

static inline void say(int stream, const char *text) { log_write(&log_, stream, (const u8 *)text, strlen(text)); }

static inline u64 read_file(const char *name, char *to, u64 room) {
  int fd = openat(dir, name, O_RDONLY | O_NONBLOCK);
  u64 length = 0;
  if (fd < 0) return 0;
  for (long got; (got = read(fd, to + length, room - length - 1)) > 0;) length += (u64)got;
  to[length] = 0;
  close(fd);
  return length;
}

static inline long size_of(const char *name) {
  struct stat about;
  return fstatat(dir, name, &about, AT_SYMLINK_NOFOLLOW) ? -1 : (long)about.st_size;
}

/* What the entries of one file say, the streams one behind the other; every line must be an entry as log.h draws it. */
struct said {
  u8 bytes[3][MOST];
  u64 length[3];
  int entries, partial, base64;
  u64 lost;
};
static struct said said;

static inline int skip_word(const char **at, const char *word) {
  if (strncmp(*at, word, strlen(word))) return 0;
  *at += strlen(word);
  return 1;
}

static inline u8 hex(char digit) { return (u8)(digit <= '9' ? digit - '0' : digit - 'a' + 10); }

static inline const char *take_text(const char *at, u8 *to, u64 *length) {
  static const char letters[] = "\"\\bfnrt", bytes[] = "\"\\\b\f\n\r\t";
  while (*at != '"') {
    if (*at != '\\') {
      expect((u8)*at >= 0x20);
      to[(*length)++] = (u8)*at++;
    } else if (at[1] == 'u') {
      expect(at[2] == '0' && at[3] == '0');
      to[(*length)++] = (u8)(hex(at[4]) << 4 | hex(at[5]));
      at += 6;
    } else {
      const char *letter = strchr(letters, at[1]);
      expect(letter);
      to[(*length)++] = (u8)bytes[letter - letters];
      at += 2;
    }
  }
  return at + 1;
}

static inline const char *take_base64(const char *at, u8 *to, u64 *length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (; *at != '"'; at += 4) {
    u32 value = 0, count = 0;
    for (int i = 0; i < 4; i++) {
      value <<= 6;
      if (at[i] == '=') continue;
      const char *digit = strchr(digits, at[i]);
      expect(digit && *digit);
      value |= (u32)(digit - digits), count++;
    }
    for (u32 i = 0; i + 1 < count; i++) to[(*length)++] = (u8)(value >> (16 - 8 * i));
  }
  return at + 1;
}

static inline const char *take_entry(const char *at) {
  expect(skip_word(&at, "{\"v\":1,\"stream\":\""));
  int stream = skip_word(&at, "stdout") ? 1 : skip_word(&at, "stderr") ? 2 : 0;
  if (!stream) expect(skip_word(&at, "tsrun"));
  expect(skip_word(&at, "\",\"time\":\"") && strspn(at, "0123456789") == 19);
  at += 19;
  said.entries++;
  if (!stream) {
    expect(skip_word(&at, "\",\"lost\":"));
    said.lost += strtoul(at, (char **)&at, 10);
    expect(skip_word(&at, "}\n"));
    return at;
  }
  int base64 = !skip_word(&at, "\",\"text\":\"");
  if (base64) expect(skip_word(&at, "\",\"base64\":\""));
  said.base64 += base64;
  at = (base64 ? take_base64 : take_text)(at, said.bytes[stream], &said.length[stream]);
  int partial = skip_word(&at, ",\"partial\":true");
  said.partial += partial;
  if (!partial) said.bytes[stream][said.length[stream]++] = '\n';
  expect(skip_word(&at, "}\n"));
  return at;
}

static inline void read_entries(const char *name) {
  static char text[2 * MOST];
  u64 length = read_file(name, text, sizeof text);
  for (const char *at = text; at < text + length;) at = take_entry(at);
}

static inline void forget_all(void) {
  memset(said.length, 0, sizeof said.length);
  said.entries = said.partial = said.base64 = 0;
  said.lost = 0;
}

static inline void expect_said(int stream, const void *bytes, u64 length) {
  expect_equal(said.length[stream], length);
  expect(!memcmp(said.bytes[stream], bytes, length));
}

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Numbered lines, so that what is missing is seen. */
static inline void say_lines(int from, int to) {
  char line[128];
  for (int i = from; i < to; i++) snprintf(line, sizeof line, "line %06d %.*s\n", i, i % 60, letters), say(1, line);
}

static inline int first_line(void) {
  int number = -1;
  sscanf((char *)said.bytes[1], "line %d", &number);
  return number;
}

static inline void expect_lines(int from, int to) {
  char line[128], *at = (char *)said.bytes[1];
  for (int i = from; i < to; i++, at += strlen(line)) {
    snprintf(line, sizeof line, "line %06d %.*s\n", i, i % 60, letters);
    if (strncmp(at, line, strlen(line))) fail("in the place of line %d: %.40s", i, at);
  }
  expect_equal(at - (char *)said.bytes[1], said.length[1]);
}

#endif
