/* sys.h: raw system calls for x86-64 and arm64; no libc. A result in -4095..-1 is a negative errno. */
#ifndef TSRUN_SYS_H
#define TSRUN_SYS_H
#include <asm/unistd.h>
#include "abi.h"

#define EPERM_ 1
#define ENOENT_ 2
#define EINTR_ 4
#define E2BIG_ 7
#define EAGAIN_ 11
#define EACCES_ 13
#define EBUSY_ 16
#define EEXIST_ 17
#define EXDEV_ 18
#define ENODEV_ 19
#define ENOTDIR_ 20
#define EISDIR_ 21
#define EINVAL_ 22
#define EPIPE_ 32
#define ENAMETOOLONG_ 36
#define ENOSYS_ 38
#define ENOTEMPTY_ 39
#define ELOOP_ 40
#define EPROTO_ 71
#define ECONNRESET_ 104

static inline s64 sys6(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f) {
#if defined(__x86_64__)
  s64 result;
  register s64 r10 __asm__("r10") = d;
  register s64 r8 __asm__("r8") = e;
  register s64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register s64 x8 __asm__("x8") = nr;
  register s64 x0 __asm__("x0") = a;
  register s64 x1 __asm__("x1") = b;
  register s64 x2 __asm__("x2") = c;
  register s64 x3 __asm__("x3") = d;
  register s64 x4 __asm__("x4") = e;
  register s64 x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
#else
#error "tsrun knows x86-64 and arm64"
#endif
}

/* sys(mount, a, b, …): up to six arguments, the rest are zero. */
#define sys(name, ...) sys_pick_(__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define sys_pick_(nr, a, b, c, d, e, f, ...) sys6(nr, (s64)(a), (s64)(b), (s64)(c), (s64)(d), (s64)(e), (s64)(f))

static inline int is_error(s64 result) { return result < 0 && result > -4096; }

/* The compiler may call these even in freestanding code. */
void *memcpy(void *to, const void *from, u64 count);
void *memset(void *to, int byte, u64 count);

u64 text_length(const char *text);
/* Writes value in decimal at to (not terminated); returns the number of characters. */
u64 put_decimal(char *to, s64 value);

/* A text that grows; the room is its owner's. */
struct text {
  char *bytes;
  u64 length;
};
void put_text(struct text *text, const char *part);
/* The name and, behind it, the value. */
void put_field(struct text *text, const char *name, s64 value);
/* ns since 1970, UTC: 2026-11-23T15:04:05.123456789Z */
void put_timestamp(struct text *text, u64 ns);
u64 clock_ns(int clock);

#endif
