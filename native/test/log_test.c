/* log_test.c: what goes into an entry of the log comes out of it again, byte by byte. */
#include <sys/mman.h>
#include "log_rig.h"

static void expect_round_trip(const void *bytes, u64 length) {
  forget_all();
  set_up(0, 1);
  log_write(&log_, 1, bytes, length);
  read_entries("log.jsonl");
  u8 last = ((const u8 *)bytes)[length - 1];
  if (last != '\n') expect(said.partial > 0);
  expect_said(1, bytes, length);
  tear_down();
}

static void a_line_is_an_entry(void) {
  char text[1024];
  set_up(0, 1);
  say(1, "hello\n");
  say(2, "so \"what\"\\\n\nno end");
  read_file("log.jsonl", text, sizeof text);
  char *at = text;
  for (int digits = 0; *at; at++) { /* the times, which are the only long numbers */
    digits = *at >= '0' && *at <= '9' ? digits + 1 : 0;
    if (digits > 1) at[0] = '#';
  }
  const char *want = "{\"v\":1,\"stream\":\"stdout\",\"time\":\"1##################\",\"text\":\"hello\"}\n"
    "{\"v\":1,\"stream\":\"stderr\",\"time\":\"1##################\",\"text\":\"so \\\"what\\\"\\\\\"}\n"
    "{\"v\":1,\"stream\":\"stderr\",\"time\":\"1##################\",\"text\":\"\"}\n"
    "{\"v\":1,\"stream\":\"stderr\",\"time\":\"1##################\",\"text\":\"no end\",\"partial\":true}\n";
  if (strcmp(text, want)) fail("the log holds %s", text);
  tear_down();
}

static void every_byte_comes_back(void) {
  u8 bytes[256];
  for (int i = 0; i < 256; i++) {
    u8 line[] = {'a', (u8)i, 'b', '\n'};
    expect_round_trip(line, sizeof line);
    expect_round_trip(line, 2);
    bytes[i] = (u8)i;
  }
  expect_round_trip(bytes, sizeof bytes);
  for (int i = 1; i < 0x80; i++) {
    forget_all();
    set_up(0, 1);
    u8 line[] = {(u8)i, '\n'};
    log_write(&log_, 1, line, 2);
    read_entries("log.jsonl");
    expect_equal(said.base64, 0); /* and so can be read by people */
    tear_down();
  }
}

/* Two bytes of some kind wherever they may lie in what is taken at once. */
static void quotes_anywhere(void) {
  static const u8 kinds[] = {'"', '\\', '\t', '\n', 0x1f, 0x7f};
  static u8 bytes[sizeof kinds * 36 * 36 * 40];
  u64 fill = 0;
  for (unsigned kind = 0; kind < sizeof kinds; kind++)
    for (int first = 0; first < 36; first++)
      for (int second = 0; second < 36; second++, fill += 40) {
        for (int i = 0; i < 39; i++) bytes[fill + (u64)i] = (u8)('A' + i);
        bytes[fill + (u64)first] = '"';
        bytes[fill + (u64)second] = kinds[kind];
        bytes[fill + 39] = '\n';
      }
  expect_round_trip(bytes, sizeof bytes);
  expect_equal(said.base64, 0);
}

static int is_text(const char *bytes) {
  forget_all();
  set_up(0, 1);
  say(1, bytes);
  read_entries("log.jsonl");
  expect_said(1, bytes, strlen(bytes));
  tear_down();
  return !said.base64;
}

static void only_utf8_is_text(void) {
  static const char *texts[] = {"z\n", "\xc2\x80\n", "\xdf\xbf\n", "\xe0\xa0\x80\n", "\xed\x9f\xbf\n", "\xee\x80\x80\n", "\xef\xbf\xbf\n",
    "\xf0\x90\x80\x80\n", "\xf4\x8f\xbf\xbf\n", "\xef\xbb\xbf" "BOM\n", "0123456789abcde\xc3\xa4gh\n"};
  static const char *others[] = {"\x80\n", "\xbf\n", "\xc0\xaf\n", "\xc1\xbf\n", "\xc2\n", "\xe0\x9f\xbf\n", "\xe0\xa0\n", "\xed\xa0\x80\n",
    "\xf0\x8f\xbf\xbf\n", "\xf4\x90\x80\x80\n", "\xf5\x80\x80\x80\n", "\xff\n", "\xe2\x82" "a\n", "a\xc3(\n"};
  for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!is_text(texts[i])) fail("text %u was not taken for UTF-8", i);
  for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
    if (is_text(others[i])) fail("bytes %u were taken for UTF-8", i);
}

/* By the numbers that the bytes stand for; lead has more than seven bits. */
static int is_utf8(u8 lead, u8 second, u8 third) {
  if (second >> 6 != 2) return 0;
  if (lead >> 5 == 6) return (lead & 31) >= 2 && third < 0x80;
  u32 number = (u32)(lead & 15) << 12 | (u32)(second & 63) << 6 | (third & 63);
  return lead >> 4 == 14 && third >> 6 == 2 && number >= 0x800 && (number < 0xd800 || number > 0xdfff);
}

/* Behind others and in front of more, where several are taken at once. */
static void every_character_of_two_or_three_bytes(void) {
  static const u8 thirds[] = {1, 'a', 0x7f, 0x80, 0xbf, 0xc0, 0xff};
  static u8 out[LOG_ENTRY_MOST];
  struct log_head head;
  log_head(&head, "stdout", 1);
  for (u32 lead = 0x80; lead < 0xf0; lead++)
    for (u32 second = 1; second < 256; second++)
      for (u32 i = 0; i < sizeof thirds; i++) {
        if (second == '\n') continue;
        u8 line[] = {0xe2, 0x82, 0xac, (u8)lead, (u8)second, thirds[i], 0xc3, 0xa4, 'a', 'b', 'c', '\n'};
        struct log_entry entry = log_encode(&head, line, sizeof line, out, sizeof out);
        expect_equal(entry.taken, sizeof line);
        int is_text = !strncmp((char *)out + head.length, "text", 4), wanted = is_utf8((u8)lead, (u8)second, thirds[i]);
        if (is_text != wanted) fail("%02x %02x %02x was taken for %s", lead, second, thirds[i], is_text ? "text" : "bytes");
        if (wanted && thirds[i] != 1) expect(!memcmp(out + head.length + 7, line, sizeof line - 1));
      }
}

static void a_character_in_two_writes(void) {
  static const char text[] = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82 so\n";
  for (u64 cut = 1; cut < sizeof text - 1; cut++) {
    forget_all();
    set_up(0, 1);
    log_write(&log_, 1, (const u8 *)text, cut);
    say(2, "between\n");
    log_write(&log_, 1, (const u8 *)text + cut, sizeof text - 1 - cut);
    read_entries("log.jsonl");
    expect_said(1, text, sizeof text - 1);
    expect_said(2, "between\n", 8);
    expect_equal(said.base64, (text[cut] & 0xc0) == 0x80 ? 2 : 0); /* the two halves of the character, no more */
    tear_down();
  }
  forget_all();
  set_up(0, 1);
  for (u64 at = 0; at < sizeof text - 1; at++) log_write(&log_, 1, (const u8 *)text + at, 1);
  read_entries("log.jsonl");
  expect_said(1, text, sizeof text - 1);
  tear_down();
}

static void a_long_line_is_cut(void) {
  static u8 line[300000];
  for (u64 i = 0; i < sizeof line; i++) line[i] = (u8)('!' + i % 90);
  line[sizeof line - 1] = '\n';
  expect_round_trip(line, sizeof line);
  expect(said.entries > 10 && !said.base64);
  for (u64 i = 0; i + 2 < sizeof line; i += 2) line[i] = 0xc3, line[i + 1] = 0xa4; /* cut between characters, not within */
  expect_round_trip(line, sizeof line);
  expect_equal(said.base64, 0);
  memset(line, 1, sizeof line); /* six bytes each */
  expect_round_trip(line, sizeof line);
  memset(line, 0, sizeof line);
  expect_round_trip(line, sizeof line);
  expect_equal(said.base64, said.entries);
}

/* Nothing is read behind the end of what was given, nor in front: the next page is not there. */
static void reads_only_what_it_was_given(void) {
  u8 *pages = mmap(0, 3 * 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(pages != MAP_FAILED && !mprotect(pages, 65536, PROT_NONE) && !mprotect(pages + 2 * 65536, 65536, PROT_NONE));
  u8 *begin = pages + 65536, *end = pages + 2 * 65536;
  static const u8 fills[] = {'x', 0, '\n', 0xff, 0xc3, '"', 7};
  for (unsigned fill = 0; fill < sizeof fills; fill++) {
    memset(begin, fills[fill], 65536);
    for (u64 length = 1; length < 70; length++) expect_round_trip(end - length, length), expect_round_trip(begin, length);
  }
}

static u32 next_random(void) {
  static u64 state = 88172645463325252ul;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (u32)(state >> 16);
}

/* Runs of plain text, of UTF-8, of anything, with newlines here and there, in writes of any length. */
static void whatever_comes(void) {
  static u8 bytes[5 * LOG_BUFFER]; /* some writes are longer than the buffer of the log */
  u64 fill = 0;
  while (fill < sizeof bytes) {
    static const char *parts[] = {"plain words, ", "\xe2\x82\xac", "\xc3", "\n", "\\\"", "\x1b[0m", "\xf0\x9f\x99\x82", "\t"};
    u32 kind = next_random() % 12, count = next_random() % 40;
    for (u32 i = 0; i < count && fill < sizeof bytes; i++) {
      const char *part = parts[kind % 8];
      if (kind >= 8) bytes[fill++] = (u8)next_random();
      else while (*part && fill < sizeof bytes) bytes[fill++] = (u8)*part++;
    }
  }
  forget_all();
  set_up(0, 1);
  for (u64 at = 0; at < sizeof bytes;) {
    u64 length = 1 + next_random() % (next_random() % 4 ? 40 : next_random() % 16 ? 30000 : 2 * LOG_BUFFER);
    if (length > sizeof bytes - at) length = sizeof bytes - at;
    log_write(&log_, 1, bytes + at, length);
    if (!(next_random() % 8)) log_rest(&log_);
    at += length;
  }
  read_entries("log.jsonl");
  said.length[1] -= bytes[sizeof bytes - 1] != '\n' && !said.partial;
  expect_said(1, bytes, sizeof bytes);
  tear_down();
}

int main(void) {
  static const struct test tests[] = {
    {"log: a line is an entry", a_line_is_an_entry},
    {"log: every byte comes back", every_byte_comes_back},
    {"log: quotes anywhere", quotes_anywhere},
    {"log: only UTF-8 is text", only_utf8_is_text},
    {"log: every character of two or three bytes", every_character_of_two_or_three_bytes},
    {"log: a character in two writes", a_character_in_two_writes},
    {"log: a long line is cut", a_long_line_is_cut},
    {"log: reads only what it was given", reads_only_what_it_was_given},
    {"log: whatever comes", whatever_comes},
  };
  return RUN_ALL(tests);
}
