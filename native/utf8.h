/* utf8.h: what is a character. */
#ifndef TSRUN_UTF8_H
#define TSRUN_UTF8_H
#include "sys.h"

/* Length of the UTF-8 character at in (Unicode, table 3-7: no overlong forms, no surrogates); 0 if it is none, -1 if it is cut off. */
static inline int utf8_character(const u8 *in, const u8 *end) {
  u8 lead = *in;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  int length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  u8 low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  u8 high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (int i = 1; i < length; i++) {
    if (in + i == end) return -1;
    if (in[i] < low || in[i] > high) return 0;
    low = 0x80, high = 0xbf;
  }
  return length;
}

#endif
