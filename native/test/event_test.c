/* event_test.c: OP_RECORD_EVENT: whole lines from many writers, one rotation at a time, no failure ever. */
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include "tape_rig.h"

#define FULL (1 << 20)
#define WRITERS 8

static char directory[] = "/tmp/tsrun-event-XXXXXX", file[64], older[80];
static char content[3 * FULL];

static void make_directory(void) {
  expect(mkdtemp(directory));
  sprintf(file, "%s/events.jsonl", directory);
  sprintf(older, "%s.1", file);
}

static void remove_directory(void) {
  unlink(file), unlink(older);
  expect(!rmdir(directory));
}

static const char *read_all(const char *path) {
  int fd = open(path, O_RDONLY);
  expect(fd >= 0);
  ssize_t length = read(fd, content, sizeof content - 1);
  expect(length >= 0 && length < (ssize_t)sizeof content - 1);
  content[length] = 0;
  close(fd);
  return content;
}

static void record(const char *head, u64 ended) {
  begin();
  tape.head.slots[SLOT_STATUS] = 3 << 8;
  op(OP_RECORD_EVENT, "iddiii", CWD, text(file), text(head), ended, (u64)-1, 0);
  expect_equal(play(), 0);
}

static void ends_the_line(void) {
  long seconds = 0, again = 0, nanoseconds = 0, ran = -1;
  int end = 0;
  make_directory();
  record("{\"a\":{\"b\":{\"c\":1", 0);
  expect(sscanf(read_all(file), "{\"a\":{\"b\":{\"c\":1}},\"scope\":\"local\",\"time\":%ld,\"timeNano\":%10ld%9ld}\n%n", &seconds, &again, &nanoseconds, &end) == 3);
  expect_equal(content[end], 0);
  expect(seconds == again && labs(time(0) - seconds) < 5);
  unlink(file);
  record("{\"a\":{\"b\":{\"c\":1", (u64)(seconds - 7) * 1000000000);
  expect(sscanf(read_all(file), "{\"a\":{\"b\":{\"c\":1,\"exitCode\":\"3\",\"execDuration\":\"%ld\"}},", &ran) == 1);
  expect(ran >= 7 && ran < 12);
  struct stat about;
  expect(!stat(file, &about) && (about.st_mode & 07777) == 0600);
  remove_directory();
}

static void a_signal_is_128_and_more(void) {
  make_directory();
  begin();
  tape.head.slots[SLOT_STATUS] = 9;
  op(OP_RECORD_EVENT, "iddiii", CWD, text(file), text("{\"a\":{\"b\":{\"c\":1"), 1, (u64)-1, 0);
  expect_equal(play(), 0);
  expect(strstr(read_all(file), ",\"exitCode\":\"137\"}},"));
  remove_directory();
}

/* Whoever was renamed while it ran ends under its new name; what cannot be a name is none. */
static void knows_the_new_name(void) {
  static const struct { const char *target, *tail; } cases[] = {
    {"/data/names/new-one.2", "{\"c\":1,\"name\":\"new-one.2\"}}"}, {"none", "{\"c\":1}}"}, {"/a/", "{\"c\":1}}"}, {"/a/\"", "{\"c\":1}}"}, {0, "{\"c\":1}}"},
  };
  char link[64];
  make_directory();
  sprintf(link, "%s/name", directory);
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect(!cases[i].target || !symlink(cases[i].target, link));
    begin();
    op(OP_OPENAT, "idii", CWD, text(link), O_PATH | O_NOFOLLOW, 0)->save = 5;
    tape.ops[0].flags = OPF_IGNORE;
    op(OP_UNLINKAT, "idi", CWD, text(link), 0)->flags = OPF_IGNORE;
    op(OP_RECORD_EVENT, "iddisi", CWD, text(file), text("{\"a\":{\"b\":{\"c\":1"), 0, 5, 0);
    expect_equal(play(), 0);
    expect(strstr(read_all(file), cases[i].tail));
    unlink(file);
  }
  remove_directory();
}

/* Only if the kernel has killed something. */
static void looks_at_memory_events(void) {
  static const struct { const char *text; int recorded; } cases[] = {{"oom 4\noom_kill 0\n", 0}, {"oom 1\noom_kill 1\n", 1}};
  char events[64];
  make_directory();
  sprintf(events, "%s/memory.events", directory);
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    begin();
    op(OP_WRITE_FILE, "idiidi", CWD, text(events), O_WRONLY | O_CREAT | O_TRUNC, 0600, text(cases[i].text), strlen(cases[i].text));
    op(OP_RECORD_EVENT, "iddiid", CWD, text(file), text("{\"a\":{\"b\":{\"c\":1"), 0, (u64)-1, text(events));
    expect_equal(play(), 0);
    expect_equal(access(file, F_OK) == 0, cases[i].recorded);
  }
  unlink(events);
  remove_directory();
}

static void fails_nobody(void) {
  make_directory();
  strcpy(file, "/proc/tsrun/none/events.jsonl");
  record("{", 0);
  sprintf(file, "%s/events.jsonl", directory);
  expect(!mkfifo(file, 0600)); /* nobody reads it: it must not be waited for */
  record("{", 0);
  unlink(file);
  expect(!symlink("/dev/full", file));
  record("{", 0);
  remove_directory();
}

/* What a full disk tears off is one line; where the next one begins can be seen (src/engine/events/event.ts). */
static void a_full_disk_costs_a_line(void) {
  struct rlimit before, small;
  make_directory();
  expect(!getrlimit(RLIMIT_FSIZE, &before));
  small = before;
  small.rlim_cur = 30;
  signal(SIGXFSZ, SIG_IGN);
  expect(!setrlimit(RLIMIT_FSIZE, &small));
  record("{\"a\":{\"b\":{\"c\":1", 0);
  record("{\"a\":{\"b\":{\"c\":2", 0);
  expect(!setrlimit(RLIMIT_FSIZE, &before));
  record("{\"a\":{\"b\":{\"c\":3", 0);
  expect(!strncmp(read_all(file), "{\"a\":{\"b\":{\"c\":1}},\"scope\":\"lo{\"a\":{\"b\":{\"c\":3}},\"scope\":\"local\"", 64));
  remove_directory();
}

/* Each writer's events are numbered: what is left of them has no hole, and begins later only where it was rotated out. */
static void take_lines(const char *path, int *next, long *size) {
  int used = 0;
  for (const char *line = read_all(path); *line; line += used) {
    int writer = -1, number = -1;
    long seconds = 0, nanoseconds = 0;
    used = 0;
    sscanf(line, "{\"w\":{\"p\":{\"writer\":%d,\"number\":%d,\"text\":\"%*[x]\"}},\"scope\":\"local\",\"time\":%ld,\"timeNano\":%ld}\n%n", &writer, &number, &seconds, &nanoseconds, &used);
    if (!used || writer < 0 || writer >= WRITERS) fail("a torn line: %.300s", line);
    if (next[writer] >= 0 && number != next[writer]) fail("writer %d: %d, where %d was next", writer, number, next[writer]);
    next[writer] = number + 1;
    *size += used;
  }
}

static void write_many(int writer, int count) {
  char head[1100];
  memset(head, 'x', sizeof head);
  for (int number = 0; number < count; number++) {
    int length = sprintf(head, "{\"w\":{\"p\":{\"writer\":%d,\"number\":%d,\"text\":\"", writer, number);
    head[length] = 'x';
    memcpy(head + 960 + number % 100, "\"", 2);
    record(head, 0);
    head[960 + number % 100] = head[961 + number % 100] = 'x';
  }
  _exit(0);
}

/* Afterwards next[] says which event of each writer would have come next; the sizes are those of the older file and of the file. */
static void write_by_many(int count, int *next, long *sizes) {
  memset(next, -1, WRITERS * sizeof *next);
  memset(sizes, 0, 2 * sizeof *sizes);
  make_directory();
  for (int writer = 0; writer < WRITERS; writer++) if (!spawn()) write_many(writer, count);
  int status, ended = 0;
  while (wait(&status) > 0) ended += status == 0;
  expect_equal(ended, WRITERS);
  take_lines(older, next, &sizes[0]);
  if (!access(file, F_OK)) take_lines(file, next, &sizes[1]);
  remove_directory();
}

static void many_writers_lose_nothing(void) {
  int next[WRITERS], count = 180;
  long sizes[2];
  write_by_many(count, next, sizes);
  for (int writer = 0; writer < WRITERS; writer++) expect_equal(next[writer], count);
  expect(sizes[0] >= FULL && sizes[1] > 0);
}

static void many_rotations_lose_what_is_older(void) {
  int next[WRITERS];
  long sizes[2];
  write_by_many(900, next, sizes);
  /* Had two of them moved the same file away, what was the older one then would have begun anew, and small. */
  expect(sizes[0] >= FULL && sizes[0] < FULL + FULL / 8);
  expect(sizes[1] < FULL + FULL / 8);
}

int main(void) {
  static const struct test tests[] = {
    {"record_event: ends the line with the exit code and the time", ends_the_line},
    {"record_event: a signal is 128 and more", a_signal_is_128_and_more},
    {"record_event: knows the new name", knows_the_new_name},
    {"record_event: with memory events only if something was killed", looks_at_memory_events},
    {"record_event: fails nobody", fails_nobody},
    {"record_event: a full disk costs a line", a_full_disk_costs_a_line},
    {"record_event: many writers tear and lose nothing", many_writers_lose_nothing},
    {"record_event: many rotations lose only what is older", many_rotations_lose_what_is_older},
  };
  return RUN_ALL(tests);
}
