/* text.c: what a program without libc misses first: memory, decimal numbers, the clock. */
#include <linux/time_types.h>
#include "sys.h"

void *memcpy(void *to, const void *from, u64 count) {
#if defined(__x86_64__)
  void *cursor = to; /* one instruction, and fast for big blocks on every processor of the last ten years */
  __asm__ volatile("rep movsb" : "+D"(cursor), "+S"(from), "+c"(count) : : "memory");
#else
  u8 *out = to;
  const u8 *in = from;
  while (count--) *out++ = *in++;
#endif
  return to;
}

void *memset(void *to, int byte, u64 count) {
#if defined(__x86_64__)
  void *cursor = to;
  __asm__ volatile("rep stosb" : "+D"(cursor), "+c"(count) : "a"(byte) : "memory");
#else
  u8 *out = to;
  while (count--) *out++ = (u8)byte;
#endif
  return to;
}

u64 text_length(const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  return length;
}

u64 put_decimal(char *to, s64 value) {
  char digits[20];
  u64 count = 0, length = 0;
  u64 rest = value < 0 ? -(u64)value : (u64)value; /* also right for the smallest number, which has no positive twin */
  do digits[count++] = (char)('0' + rest % 10);
  while (rest /= 10);
  if (value < 0) to[length++] = '-';
  while (count) to[length++] = digits[--count];
  return length;
}

void put_text(struct text *text, const char *part) {
  u64 length = text_length(part);
  memcpy(text->bytes + text->length, part, length);
  text->length += length;
}

void put_field(struct text *text, const char *name, s64 value) {
  put_text(text, name);
  text->length += put_decimal(text->bytes + text->length, value);
}

static void put_padded(struct text *text, u64 value, u64 digits, const char *behind) {
  for (u64 i = digits; i > 0; i--, value /= 10) text->bytes[text->length + i - 1] = (char)('0' + value % 10);
  text->length += digits;
  put_text(text, behind);
}

/* The proleptic Gregorian calendar, in years that begin in March: a leap day is the last of its year. */
static void put_date(struct text *text, u64 days) {
  u64 shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
  u64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  u64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  u64 march = (5 * day_of_year + 2) / 153;
  u64 month = march < 10 ? march + 3 : march - 9;
  put_padded(text, year_of_era + era * 400 + (month <= 2), 4, "-");
  put_padded(text, month, 2, "-");
  put_padded(text, day_of_year - (153 * march + 2) / 5 + 1, 2, "T");
}

void put_timestamp(struct text *text, u64 ns) {
  u64 seconds = ns / 1000000000, clock = seconds % 86400;
  put_date(text, seconds / 86400);
  put_padded(text, clock / 3600, 2, ":");
  put_padded(text, clock / 60 % 60, 2, ":");
  put_padded(text, clock % 60, 2, ".");
  put_padded(text, ns % 1000000000, 9, "Z");
}

u64 clock_ns(int clock) {
  struct __kernel_timespec now = {0, 0};
  sys(clock_gettime, clock, &now);
  return (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
}
