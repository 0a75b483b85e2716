/* tape_rig.h: small tapes made by hand. */
#ifndef TSRUN_TAPE_RIG_H
#define TSRUN_TAPE_RIG_H
#include <stddef.h>
#include "check.h"
#include "player.h"

#define MAX_OPS 32

struct small_tape {
  struct tape head;
  struct op ops[MAX_OPS];
  char data[8192];
  u32 relocs[64];
};
static struct small_tape tape __attribute__((aligned(8)));
static u32 op_count, data_used;

#define NO_SLOT TAPE_NO_SLOT
#define CWD ((u64)AT_FDCWD)

static inline void begin(void) {
  memset(&tape, 0, sizeof tape);
  op_count = data_used = 0;
  tape.head.magic = TAPE_MAGIC;
  tape.head.version = TAPE_VERSION;
  tape.head.size = sizeof tape;
  tape.head.ops = offsetof(struct small_tape, ops);
  tape.head.relocs = offsetof(struct small_tape, relocs);
}

static inline u64 data(const void *bytes, u64 size) {
  u32 at = data_used;
  expect(at + size <= sizeof tape.data);
  memcpy(tape.data + at, bytes, size);
  data_used += (u32)((size + 7) & ~7ul);
  return offsetof(struct small_tape, data) + at;
}
static inline u64 text(const char *string) { return data(string, strlen(string) + 1); }

/* A char*[] of the tape: each word is an offset that the relocation turns into a pointer. */
static inline u64 texts(const char *const *strings) {
  u64 words[16] = {0}, count = 0;
  for (; strings[count]; count++) words[count] = text(strings[count]);
  u64 at = data(words, (count + 1) * 8);
  for (u64 i = 0; i < count; i++) tape.relocs[tape.head.reloc_count++] = (u32)(at + i * 8);
  return at;
}

static inline u32 kinds(const char *letters) {
  static const char all[] = "idspa"; /* immediate, data, slot, fdpath, slot's address */
  u32 result = 0;
  for (u32 i = 0; letters[i]; i++) result |= (u32)(strchr(all, letters[i]) - all) << (4 * i);
  return result;
}

/* The step of an op is 100 more than its index. */
static inline struct op *add_op(u16 code, const char *letters, const u64 *arg, u64 count) {
  struct op *op = &tape.ops[op_count];
  expect(op_count < MAX_OPS);
  op->code = code;
  op->save = NO_SLOT;
  op->kinds = kinds(letters);
  op->step = 100 + op_count++;
  memcpy(op->arg, arg, count * sizeof *arg);
  return op;
}
#define op(code, letters, ...) add_op(code, letters, (const u64[]){__VA_ARGS__}, sizeof((const u64[]){__VA_ARGS__}) / 8)
/* Fails with errno if it is ever reached. */
#define op_fail(number) op(OP_FAIL_AT, "i", number)

/* Plays the first count ops, the others being some child's. */
static inline s64 play_first(u32 count) {
  tape.head.op_count = count;
  return tape_play(&tape.head);
}
static inline s64 play(void) { return play_first(op_count); }

#define expect_failure(result, step, number) \
  do { \
    expect_equal(result, -(number)); \
    expect_equal(tape.head.failed_step, step); \
    expect_equal(tape.head.failed_errno, number); \
  } while (0)

#endif
