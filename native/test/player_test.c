/* player_test.c: what a tape does: arguments, results, jumps, blame, clones. The last word of argv, --emulated: under qemu-user. */
#include "tape_rig.h"

static int emulated;

static void saves_results_and_reads_slots(void) {
  begin();
  op(OP_OPENAT, "idi", CWD, text("/dev/null"), O_RDONLY)->save = 5;
  op(OP_CLOSE, "s", 5)->save = 6;
  expect_equal(play(), 0);
  expect(tape.head.slots[5] > 2);
  expect_equal(tape.head.slots[6], 0);
  expect_equal(tape.head.failed_step, -1);
  expect(fcntl((int)tape.head.slots[5], F_GETFD) < 0);
  expect(tape.head.started_ns && tape.head.finished_ns >= tape.head.started_ns);
}

static void names_a_descriptor_as_a_path(void) {
  begin();
  op(OP_OPENAT, "idi", CWD, text("/dev/null"), O_PATH)->save = 2;
  op(OP_OPENAT, "ipi", CWD, 2, O_WRONLY)->save = 3;
  op(OP_CHECK_DEVICE, "sii", 3, 1, 3);
  expect_equal(play(), 0);
  expect_equal(write((int)tape.head.slots[3], "x", 1), 1);
}

static void passes_the_address_of_a_slot(void) {
  begin();
  op(OP_PIPE2, "ai", 7, O_CLOEXEC);
  expect_equal(play(), 0);
  int ends[2];
  memcpy(ends, &tape.head.slots[7], sizeof ends);
  char byte = 0;
  expect(write(ends[1], "p", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'p');
}

static void relocates_once_for_each_address(void) {
  static struct small_tape moved __attribute__((aligned(8)));
  begin();
  u64 at = texts((const char *const[]){"first", "second", 0}) - offsetof(struct small_tape, data);
  for (int i = 0; i < 2; i++) {
    expect_equal(play(), 0);
    expect(!strcmp(*(char **)(tape.data + at + 8), "second"));
  }
  memcpy(&moved, &tape, sizeof tape);
  expect_equal(tape_play(&moved.head), 0);
  expect(!strcmp(*(char **)(moved.data + at), "first"));
  expect((char *)&moved < *(char **)(moved.data + at) && *(char **)(moved.data + at) < (char *)(&moved + 1));
  expect(*(u64 *)(moved.data + at + 16) == 0);
}

static struct op *op_missing(void) { return op(OP_OPENAT, "idi", CWD, text("/no/such/file"), O_RDONLY); }

static void skips_on_an_expected_errno(void) {
  begin();
  struct op *first = op_missing();
  first->err1 = ENOENT, first->skip1 = 1;
  op_fail(EIO);
  struct op *second = op_missing();
  second->err1 = EPERM, second->skip1 = 0;
  second->err2 = ENOENT, second->skip2 = 2;
  op_fail(EIO), op_fail(EIO);
  op(OP_UMASK, "i", 022)->save = 4;
  expect_equal(play(), 0);
  expect(tape.head.slots[4] > 0);
  expect_equal(tape.head.failed_step, -1);
}

static void skips_on_success(void) {
  begin();
  op(OP_UMASK, "i", 022)->ok_skip = 1;
  op_fail(EIO);
  struct op *last = op_missing(); /* a skip is for success only: this one goes on to the next */
  last->ok_skip = 1;
  last->err1 = ENOENT;
  op(OP_UMASK, "i", 022)->save = 3;
  expect_equal(play(), 0);
  expect_equal(tape.head.slots[3], 022);
}

static void ignores_errors_where_told(void) {
  begin();
  op_missing()->flags = OPF_IGNORE;
  expect_equal(play(), 0);
  expect_equal(tape.head.failed_step, -1);
}

/* A new descriptor has the lowest number that is free: the last of these has the first one's if that was closed. */
static void closes_what_it_replaces(void) {
  for (u16 flags = 0; flags <= OPF_REPLACE; flags += OPF_REPLACE) {
    begin();
    for (int i = 0; i < 2; i++) {
      struct op *open = op(OP_OPENAT, "idi", CWD, text("/dev/null"), O_PATH);
      open->save = 4;
      open->flags = flags; /* nothing was saved before the first: it closes nothing, not even 0 */
    }
    op(OP_OPENAT, "idi", CWD, text("/dev/null"), O_PATH)->save = 5;
    expect_equal(play(), 0);
    expect_equal(tape.head.slots[5], tape.head.slots[4] + (flags ? -1 : 1));
    expect(fcntl(0, F_GETFD) >= 0);
    if (!flags) close((int)tape.head.slots[4] - 1);
    close((int)tape.head.slots[4]), close((int)tape.head.slots[5]);
  }
}

static void blames_the_step(void) {
  begin();
  op(OP_UMASK, "i", 022);
  op_missing();
  op_fail(EIO);
  expect_failure(play(), 101, ENOENT);
  tape.ops[1].flags = OPF_IGNORE; /* a second play starts with a clean header */
  expect_failure(play(), 102, EIO);
}

/* qemu-user has no clone3: there it is for whoever waits to play it. */
static void plays_beside(void) {
  for (int i = 0; i < 100; i++) {
    begin();
    op(OP_OPENAT, "idi", CWD, text("/dev/null"), O_RDONLY)->save = 5;
    tape.head.op_count = (u32)op_count;
    play_beside(&tape.head);
    expect(emulated || tape.head.beside);
    expect_equal(tape.head.beside ? wait_beside(&tape.head) : play(), 0);
    expect(tape.head.slots[5] > 2);
    expect_equal(close((int)tape.head.slots[5]), 0);
  }
}

static void refuses_what_it_does_not_know(void) {
  static const u16 unknown[] = {0, OP_SYSCALL_LAST + 1, 199, 999, 65535};
  for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    begin();
    op(unknown[i], "", 0);
    expect_failure(play(), 100, ENOSYS);
  }
  tape.head.version++;
  expect_equal(play(), -EINVAL);
  begin();
  tape.head.magic = 0;
  expect_equal(play(), -EINVAL);
}

static void a_bad_pointer_is_only_an_error(void) {
  begin();
  op(OP_OPENAT, "iii", CWD, 1, O_RDONLY);
  expect_failure(play(), 100, EFAULT);
}

/* A tape of one clone, whose child plays what is added after it. */
static struct op *begin_clone(void) {
  begin();
  struct op *clone = op(OP_CLONE, "iiiii", 0, offsetof(struct small_tape, ops) + sizeof(struct op), 0, NO_SLOT, 9);
  clone->save = 8;
  return clone;
}
static s64 play_clone_op(void) {
  tape.ops[0].arg[2] = op_count - 1;
  return play_first(1);
}
static void add_exec(const char *const *candidates) {
  op(OP_EXEC, "ddd", texts(candidates), texts((const char *const[]){"sh", "-c", "exit $CODE", 0}), texts((const char *const[]){"CODE=23", 0}));
}
static void need_clone3(void) {
  if (emulated) skip("qemu-user has no clone3");
}

static void clones_a_child_that_executes(void) {
  need_clone3();
  begin_clone();
  op(OP_UMASK, "i", 022);
  add_exec((const char *const[]){"/no/such/sh", "/etc/passwd/sh", "/bin/sh", 0});
  expect_equal(play_clone_op(), 0);
  siginfo_t info;
  expect(tape.head.slots[8] > 0 && tape.head.slots[9] > 2);
  expect(!waitid(P_PIDFD, (id_t)tape.head.slots[9], &info, WEXITED));
  expect_equal(info.si_pid, tape.head.slots[8]);
  expect_equal(info.si_status, 23);
}

static void blames_a_step_inside_the_child(void) {
  need_clone3();
  begin_clone();
  op(OP_UMASK, "i", 022);
  op_fail(EROFS);
  add_exec((const char *const[]){"/bin/true", 0});
  expect_failure(play_clone_op(), 102, EROFS);
  expect_equal(waitpid(-1, 0, WNOHANG), -1); /* and it is reaped */
}

static void blames_an_exec_that_finds_nothing(void) {
  need_clone3();
  begin_clone();
  add_exec((const char *const[]){"/no/such", "/none", 0});
  expect_failure(play_clone_op(), 101, ENOENT);
  begin_clone();
  add_exec((const char *const[]){"/etc/passwd", "/none", 0}); /* not executable counts more than not there */
  expect_failure(play_clone_op(), 101, EACCES);
}

static void a_child_that_forgets_to_execute_fails(void) {
  need_clone3();
  begin_clone();
  op(OP_UMASK, "i", 022);
  expect(play_clone_op() < 0);
  expect_equal(waitpid(-1, 0, WNOHANG), -1);
}

int main(int argc, char **argv) {
  static const struct test tests[] = {
    {"player saves results and reads slots", saves_results_and_reads_slots},
    {"player names a descriptor as a path", names_a_descriptor_as_a_path},
    {"player passes the address of a slot", passes_the_address_of_a_slot},
    {"player relocates once for each address", relocates_once_for_each_address},
    {"player skips on an expected errno", skips_on_an_expected_errno},
    {"player skips on success", skips_on_success},
    {"player ignores errors where told", ignores_errors_where_told},
    {"player closes what it replaces", closes_what_it_replaces},
    {"player blames the step", blames_the_step},
    {"player plays beside", plays_beside},
    {"player refuses what it does not know", refuses_what_it_does_not_know},
    {"player takes a bad pointer as an error", a_bad_pointer_is_only_an_error},
    {"player clones a child that executes", clones_a_child_that_executes},
    {"player blames a step inside the child", blames_a_step_inside_the_child},
    {"player blames an exec that finds nothing", blames_an_exec_that_finds_nothing},
    {"player fails a child that forgets to execute", a_child_that_forgets_to_execute_fails},
  };
  emulated = argc > 1 && !strcmp(argv[argc - 1], "--emulated");
  return RUN_ALL(tests);
}
