/* relay_keys.c: the keys that detach: ^P^Q unless others were asked for. A lone ^P is the container's, as soon as it is clear that it
 * was one: when another key follows it, or none for a moment. A ^Q that follows late detaches all the same. */
#include "relay.h"

#define MOST_KEYS 16
#define CLOCK_MONOTONIC_ 1
#define PATIENCE_NS 400000000ul

static struct {
  u8 keys[MOST_KEYS];
  u32 count, matched; /* so many of them have been typed, in a row, */
  u32 passed;         /* and so many of these are held back no more */
  u64 since;
  int complete;
} detach;

void keys_open(const char *numbers) {
  u32 value = 0;
  for (; *numbers; numbers++) {
    if (*numbers >= '0' && *numbers <= '9') value = value * 10 + (u32)(*numbers - '0');
    if ((numbers[1] && *numbers != ',') || detach.count == MOST_KEYS) continue;
    detach.keys[detach.count++] = (u8)value;
    value = 0;
  }
}

int keys_detach(void) { return detach.complete; }

int keys_are_held(void) { return detach.matched > detach.passed; }

int keys_are_late(void) { return keys_are_held() && clock_ns(CLOCK_MONOTONIC_) - detach.since > PATIENCE_NS; }

/* The first of those that have been typed, as far as the container does not have them yet. */
static u32 pass(u8 *to, u32 count) {
  u32 released = 0;
  for (u32 i = detach.passed; i < count; i++) to[released++] = detach.keys[i];
  return released;
}

/* Keys that were held back may have been typed for the container. */
u32 keys_release(u8 *to) {
  u32 released = pass(to, detach.matched);
  detach.passed = detach.matched;
  return released;
}

/* ^P^P^Q detaches, too: what was held back may begin with a later beginning of the keys. */
static u32 unmatch(u8 *to, u8 key) {
  u32 released = 0;
  while (detach.matched && detach.keys[detach.matched] != key) {
    u32 shift = 1; /* the shortest shift at which what is held still begins as the keys do */
    for (; shift < detach.matched; shift++) {
      u32 same = 0;
      while (shift + same < detach.matched && detach.keys[shift + same] == detach.keys[same]) same++;
      if (shift + same == detach.matched) break;
    }
    released += pass(to + released, shift);
    detach.matched -= shift;
    detach.passed = detach.passed > shift ? detach.passed - shift : 0;
  }
  return released;
}

u32 keys_filter(const u8 *typed, u32 length, u8 *to) {
  u32 kept = 0;
  for (u32 i = 0; i < length && !detach.complete; i++) {
    kept += unmatch(to + kept, typed[i]);
    if (!detach.count || detach.keys[detach.matched] != typed[i]) {
      to[kept++] = typed[i];
      continue;
    }
    detach.since = clock_ns(CLOCK_MONOTONIC_);
    detach.complete = ++detach.matched == detach.count;
  }
  return kept;
}
