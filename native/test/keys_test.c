/* The keys that detach (relay_keys.c), without a relay: every text over three letters against a plain model. */
#include "check.h"
#include "../relay_keys.c"

#define LONGEST 9
#define CAPACITY 256

/* relay_keys.c asks for the time here. */
static u64 now;
u64 clock_ns(int clock) { return (void)clock, now; }

static struct {
  u8 bytes[CAPACITY];
  u32 length;
} passed;

static void open_keys(const char *numbers) {
  memset(&detach, 0, sizeof detach);
  passed.length = 0;
  keys_open(numbers);
}

static void type(const char *text, u32 length) { passed.length += keys_filter((const u8 *)text, length, passed.bytes + passed.length); }

static void expect_passed(const char *text, u32 length) {
  expect_equal(passed.length, length);
  expect(memcmp(passed.bytes, text, length) == 0);
}

/* What must have gone through: all of a text without the keys but the longest end of it that the keys begin with. */
static u32 held_back(const char *text, u32 length, const char *keys, u32 count) {
  for (u32 held = count < length ? count : length; held; held--)
    if (!memcmp(text + length - held, keys, held)) return held;
  return 0;
}

static void type_cut(const char *text, u32 length, u32 cut) {
  type(text, cut);
  type(text + cut, length - cut);
}

static void agrees(const char *keys, u32 count, const char *numbers, const char *text, u32 length) {
  const char *found = memmem(text, length, keys, count);
  for (u32 cut = 0; cut <= length; cut++) {
    open_keys(numbers);
    type_cut(text, length, cut);
    expect_equal(keys_detach(), found != 0);
    u32 end = found ? (u32)(found - text) : length - held_back(text, length, keys, count);
    expect_passed(text, end);
    if (found) continue;
    expect_equal(keys_are_held(), end < length);
    passed.length += keys_release(passed.bytes + passed.length);
    expect_passed(text, length);
    expect_equal(keys_are_held(), 0);
  }
}

/* The same when what is held is let through at the cut: what has gone by then does not keep the rest from being the keys. */
static void agrees_late(const char *keys, u32 count, const char *numbers, const char *text, u32 length) {
  const char *found = memmem(text, length, keys, count);
  for (u32 cut = 0; cut <= length; cut++) {
    open_keys(numbers);
    type(text, cut);
    int complete = keys_detach();
    if (!complete) passed.length += keys_release(passed.bytes + passed.length);
    expect_equal(keys_are_held() && !complete, 0);
    type(text + cut, length - cut);
    expect_equal(keys_detach(), found != 0);
    u32 end = found ? (u32)(found - text) : length - held_back(text, length, keys, count);
    expect_passed(text, !complete && cut > end ? cut : end);
  }
}

static void numbers_of(const char *keys, u32 count, char *to) {
  for (u32 i = 0; i < count; i++) to += sprintf(to, i ? ",%d" : "%d", keys[i]);
}

static void every_text(void) {
  static const char *const keys[] = {"a", "ab", "aa", "aab", "aba", "abab", "aaa", "abaab", "abcab", "aabaa", "abc"};
  for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++) {
    char numbers[64], text[LONGEST];
    u32 count = (u32)strlen(keys[k]), letters = strchr(keys[k], 'c') ? 3 : 2;
    numbers_of(keys[k], count, numbers);
    for (u32 length = 0; length <= (letters == 3 ? 7 : LONGEST); length++) {
      u32 texts = 1;
      for (u32 i = 0; i < length; i++) texts *= letters;
      for (u32 n = 0; n < texts; n++) {
        for (u32 i = 0, rest = n; i < length; i++, rest /= letters) text[i] = (char)('a' + rest % letters);
        agrees(keys[k], count, numbers, text, length);
        agrees_late(keys[k], count, numbers, text, length);
      }
    }
  }
}

static void typed_twice(void) {
  open_keys("16,17");
  type("\x10\x10\x11", 3);
  expect_passed("\x10", 1);
  expect_equal(keys_detach(), 1);
  type("more", 4);
  expect_passed("\x10", 1);
}

static void a_lone_one(void) {
  open_keys("16,17");
  now = 1000000000;
  type("x\x10", 2);
  expect_passed("x", 1);
  expect(keys_are_held() && !keys_are_late());
  now += 300000000;
  expect(!keys_are_late());
  now += 200000000;
  expect(keys_are_late());
  passed.length += keys_release(passed.bytes + passed.length);
  expect_passed("x\x10", 2);
  expect(!keys_are_late() && !keys_are_held());
  type("y\x11", 2);
  expect_passed("x\x10y\x11", 4);
  expect_equal(keys_detach(), 0);
  type("\x10", 1);
  passed.length += keys_release(passed.bytes + passed.length);
  type("\x11", 1); /* as slowly as anybody types */
  expect_passed("x\x10y\x11\x10", 5);
  expect_equal(keys_detach(), 1);
}

static void sixteen(void) {
  static const char numbers[] = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,255";
  static const char keys[] = "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\xff";
  open_keys(numbers);
  for (u32 i = 0; i < 15; i++) {
    type(keys + i, 1);
    expect_equal(keys_detach(), 0);
  }
  expect_passed("", 0);
  type("\1", 1); /* begins anew */
  expect_passed(keys, 15);
  type(keys + 1, 15);
  expect_passed(keys, 15);
  expect_equal(keys_detach(), 1);
}

static void none(void) {
  open_keys("");
  type("\x10\x11\0", 3);
  expect_passed("\x10\x11\0", 3);
  expect_equal(keys_detach(), 0);
}

/* The NUL that ^@ types, too. */
static void nul(void) {
  open_keys("0");
  type("a\0b", 3);
  expect_passed("a", 1);
  expect_equal(keys_detach(), 1);
}

int main(void) {
  static const struct test tests[] = {
    {"keys: every text agrees with the model, cut at every place", every_text},
    {"keys: ^P^P^Q detaches, and what follows goes nowhere", typed_twice},
    {"keys: a lone ^P is let through after a moment", a_lone_one},
    {"keys: sixteen, in as many reads, and a beginning of them before", sixteen},
    {"keys: none: all goes through", none},
    {"keys: NUL can be one", nul},
  };
  return RUN_ALL(tests);
}
