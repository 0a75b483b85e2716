/* log_entry.c: bytes of output → one entry of the log. Vectors of gcc: one source for every machine. */
#include "log.h"
#include "utf8.h"

#define BLOCK 16
#define MOST_TAKEN 12288 /* a longer line is cut, so that a reader's memory is bounded; a multiple of 3 for base64 */
#define SLACK 96         /* a block too much, an escape, the end of an entry */

typedef u8 block __attribute__((vector_size(BLOCK)));
typedef signed char signed_block __attribute__((vector_size(BLOCK)));
typedef u64 halves __attribute__((vector_size(BLOCK)));
typedef u32 quarters __attribute__((vector_size(BLOCK)));
typedef u8 loose_block __attribute__((vector_size(BLOCK), aligned(1), may_alias));
typedef u64 loose_long __attribute__((aligned(1), may_alias));
typedef u32 loose_word __attribute__((aligned(1), may_alias));

struct cursor {
  const u8 *in, *end;
  u8 *out;
  const u8 *limit; /* of out; SLACK bytes behind it may be written */
};

/* Where the first lane is that is set; BLOCK when none is. Little endian, as all of tsrun. */
static inline u64 first_set(block mask) {
  halves half = (halves)mask;
  if (half[0]) return (u64)__builtin_ctzl(half[0]) / 8;
  return half[1] ? 8 + (u64)__builtin_ctzl(half[1]) / 8 : BLOCK;
}

static inline block splat(u8 byte) { return byte - (block){}; }

static inline void put(struct cursor *c, const char *text, u64 length) {
  for (u64 i = 0; i < length; i++) c->out[i] = (u8)text[i];
  c->out += length;
}
#define PUT(c, literal) put(c, literal, sizeof literal - 1)
#define TEXT "text\":\"" /* behind the head, for most have it */

void log_head(struct log_head *head, const char *stream, u64 time) {
  struct text text = { (char *)head->bytes, 0 };
  put_text(&text, "{\"v\":1,\"stream\":\"");
  put_text(&text, stream);
  put_field(&text, "\",\"time\":\"", (s64)time);
  put_text(&text, "\",\"");
  head->length = text.length;
  put_text(&text, TEXT);
}

static inline void put_head(struct cursor *c, const struct log_head *head) {
  for (u64 at = 0; at < sizeof head->bytes; at += BLOCK) *(loose_block *)(c->out + at) = *(const loose_block *)(head->bytes + at);
  c->out += head->length + sizeof TEXT - 1;
}

static inline int is_plain(u8 byte) { return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\'; }

/* Of eight bytes those that are set in odd are not themselves in JSON. Up to the first that needs more than a backslash; how many that is.
 * What is behind a quote is not looked for in memory again: JSON is full of them. */
static inline u64 copy_quotes(const u8 *in, u8 **to, u64 odd) {
  u64 bytes = *(const loose_long *)in, at = 0;
  u8 *out = *to;
  for (odd &= 0x8080808080808080; odd; odd &= odd - 1) {
    u64 next = (u64)__builtin_ctzl(odd) / 8;
    *(loose_long *)out = bytes;
    out += next - at;
    bytes >>= 8 * (next - at);
    u8 byte = (u8)bytes;
    if (byte != '"' && byte != '\\') {
      *to = out;
      return next;
    }
    *out++ = '\\', *out++ = byte;
    bytes >>= 8;
    at = next + 1;
  }
  *(loose_long *)out = bytes;
  *to = out + 8 - at;
  return 8;
}

/* Up to the first byte that needs more than a backslash in JSON, or the end of what there is or has room. */
static inline void copy_plain(struct cursor *c) {
  const u8 *in = c->in, *end = c->end;
  u8 *out = c->out;
  while (end - in >= BLOCK && out < c->limit) {
    block now = *(const loose_block *)in;
    /* As signed numbers the control characters and those that are not ASCII are both below the blank. */
    halves odd = (halves)((block)((signed_block)now < (signed_block)splat(0x20)) | (block)(now == '"') | (block)(now == '\\'));
    if (!(odd[0] | odd[1])) {
      *(loose_block *)out = now;
      in += BLOCK, out += BLOCK;
      continue;
    }
    u64 some = copy_quotes(in, &out, odd[0]);
    if (some == 8) some += copy_quotes(in + 8, &out, odd[1]);
    in += some;
    if (some < BLOCK) end = in;
  }
  while (in < end && out < c->limit && is_plain(*in)) *out++ = *in++;
  c->in = in, c->out = out;
}

static void put_escape(struct cursor *c, u8 byte) {
  static const char digits[] = "0123456789abcdef", letters[] = "btn\0fr"; /* of 8 to 13 */
  u8 letter = byte == '"' || byte == '\\' ? byte : byte >= 8 && byte <= 13 ? (u8)letters[byte - 8] : 0;
  *c->out++ = '\\';
  if (letter) {
    *c->out++ = letter;
  } else {
    PUT(c, "u00");
    *c->out++ = (u8)digits[byte >> 4];
    *c->out++ = (u8)digits[byte & 15];
  }
}

/* Of two or three bytes, which mostly come in a row: those that utf8_character would take, by one look each. */
static inline void copy_characters(struct cursor *c) {
  const u8 *in = c->in;
  u8 *out = c->out;
  while (c->end - in >= 4 && out < c->limit) {
    u32 now = *(const loose_word *)in, begin = now & 0x200f; /* the first byte's low bits, the second's highest */
    u64 length = 3;
    if ((now & 0xc0e0) == 0x80c0 && now & 0x1e) length = 2;
    else if ((now & 0xc0c0f0) != 0x8080e0 || !begin || begin == 0x200d) break; /* overlong; a surrogate */
    *(loose_word *)out = now;
    in += length, out += length;
  }
  c->in = in, c->out = out;
}

enum text_end { LINE_ENDED, INPUT_ENDED, ROOM_ENDED, NOT_TEXT };

static inline enum text_end copy_text(struct cursor *c) {
  const u8 *begin = c->in;
  for (;;) {
    copy_plain(c);
    if (c->in == c->end) return INPUT_ENDED;
    if (c->out >= c->limit) return ROOM_ENDED;
    u8 byte = *c->in;
    if (byte == '\n') return LINE_ENDED;
    if (!byte) return NOT_TEXT;
    if (byte < 0x80) {
      put_escape(c, byte);
      c->in++;
      continue;
    }
    copy_characters(c);
    if (c->in == c->end || *c->in < 0x80 || c->out >= c->limit) continue;
    int length = utf8_character(c->in, c->end);
    if (length < 0 && c->in > begin) return INPUT_ENDED; /* the rest of it comes with the next entry */
    if (length <= 0) return NOT_TEXT;
    while (length--) *c->out++ = *c->in++;
  }
}

#if defined(__x86_64__)
#define WITH_SHUFFLE __attribute__((target("ssse3")))
/* The third word of cpuid(1), for which a virtual machine is left: asked once. */
static int can_shuffle(void) {
  static u32 features;
  u32 leaf = 1, second, last;
  if (!features) __asm__("cpuid" : "+a"(leaf), "=b"(second), "=c"(features), "=d"(last));
  return features >> 9 & 1;
}
#else
#define WITH_SHUFFLE
static int can_shuffle(void) { return 1; }
#endif

/* Twelve bytes at once, as far as there are sixteen to look at. In each lane three bytes become two pairs, the first byte of each
 * higher; four numbers of six bits; and four digits: A-Z a-z 0-9 + / are each at a fixed distance from their numbers. */
WITH_SHUFFLE static void put_base64_blocks(struct cursor *c, const u8 *end) {
  static const block pairs = {1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10};
  static const signed_block distances = {'a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A'}; /* '0' - 52 is -4 */
  const u8 *in = c->in;
  u8 *out = c->out;
  for (; end - in >= BLOCK; in += 12, out += BLOCK) {
    quarters x = (quarters)__builtin_shuffle((block)*(const loose_block *)in, pairs);
    block six = (block)((x >> 10 & 0x3f) | (x << 4 & 0x3f00) | (x >> 6 & 0x3f0000) | (x << 8 & 0x3f000000));
    block range = ((six - 51) & (block)((signed_block)six > 51)) | (13 & (block)((signed_block)six < 26));
    *(loose_block *)out = six + (block)__builtin_shuffle(distances, (signed_block)range);
  }
  c->in = in, c->out = out;
}

static void put_base64(struct cursor *c, u64 length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const u8 *end = c->in + length;
  if (can_shuffle()) put_base64_blocks(c, end);
  while (c->in < end) {
    u64 left = (u64)(end - c->in), some = left < 3 ? left : 3;
    u32 x = (u32)c->in[0] << 16 | (some > 1 ? (u32)c->in[1] << 8 : 0) | (some > 2 ? c->in[2] : 0);
    for (u64 i = 0; i < 4; i++, x <<= 6) *c->out++ = i <= some ? (u8)digits[x >> 18 & 63] : '=';
    c->in += some;
  }
}

static u64 line_length(const u8 *in, const u8 *end) {
  const u8 *at = in;
  for (; end - at >= 4 * BLOCK; at += 4 * BLOCK) {
    const loose_block *now = (const loose_block *)at;
    halves found = (halves)((block)(now[0] == '\n') | (block)(now[1] == '\n') | (block)(now[2] == '\n') | (block)(now[3] == '\n'));
    if (found[0] | found[1]) break;
  }
  for (; end - at >= BLOCK; at += BLOCK) {
    u64 found = first_set((block)(*(const loose_block *)at == '\n'));
    if (found < BLOCK) return (u64)(at + found - in);
  }
  while (at < end && *at != '\n') at++;
  return (u64)(at - in);
}

static enum text_end copy_bytes(struct cursor *c) {
  u64 length = line_length(c->in, c->end), room = (u64)(c->limit - c->out) / 4 * 3;
  put_base64(c, length < room ? length : room);
  return length > room ? ROOM_ENDED : c->in < c->end ? LINE_ENDED : INPUT_ENDED;
}

struct log_entry log_encode(const struct log_head *head, const u8 *bytes, u64 length, u8 *out, u64 room) {
  struct cursor c = { bytes, bytes + (length < MOST_TAKEN ? length : MOST_TAKEN), out, out + room - SLACK };
  put_head(&c, head);
  enum text_end end = copy_text(&c);
  if (end == NOT_TEXT) {
    c.in = bytes, c.out = out + head->length;
    PUT(&c, "base64\":\"");
    end = copy_bytes(&c);
  }
  if (end == LINE_ENDED) c.in++, PUT(&c, "\"}\n");
  else PUT(&c, "\",\"partial\":true}\n");
  return (struct log_entry){ (u64)(c.in - bytes), (u64)(c.out - out), end == ROOM_ENDED };
}
