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

u64 clock_ns(int clock) {
  struct __kernel_timespec now = {0, 0};
  sys(clock_gettime, clock, &now);
  return (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
}
