/* log_fault_test.c: what a crash left in the log, a full disk, and things that are no log. Root: tmpfs and mounts. */
#include <sched.h>
#include <sys/resource.h>
#include "log_rig.h"

static const char zeros[20000];

static void append(const char *text, u64 length) {
  int fd = openat(dir, "log.jsonl", O_WRONLY | O_APPEND | O_CREAT, 0600);
  expect(write(fd, text, length) == (long)length);
  close(fd);
}

/* At every byte of an entry. */
static void a_torn_line_is_taken_away(void) {
  static const char entry[] = "{\"v\":1,\"stream\":\"stdout\",\"time\":\"1000000000000000000\",\"text\":\"x\"}";
  for (u64 cut = 1; cut < sizeof entry; cut++)
    for (int before = 0; before < 2; before++) {
      forget_all();
      set_up(0, 1);
      say_lines(0, before);
      log_close(&log_);
      append(entry, cut);
      log_open(&log_, dir, 0, 1);
      say_lines(before, 3);
      read_entries("log.jsonl");
      expect_lines(0, 3);
      tear_down();
    }
}

static void what_is_torn_and_endless_is_ended(void) {
  static char rubbish[200000], text[300000];
  memset(rubbish, 'x', sizeof rubbish);
  set_up(0, 1);
  append(rubbish, sizeof rubbish);
  say_lines(0, 2);
  u64 length = read_file("log.jsonl", text, sizeof text);
  expect(length > sizeof rubbish && text[sizeof rubbish] == '\n');
  const char *at = take_entry(text + sizeof rubbish + 1);
  expect(take_entry(at) == text + length);
  tear_down();
}

/* An admin empties it while it is written. */
static void it_may_be_emptied(void) {
  forget_all();
  set_up(4096, 3);
  say_lines(0, 30);
  expect(size_of("log.jsonl") > 2048 && !truncate((sprintf((char *)said.bytes[2], "%s/log.jsonl", dir_name), (char *)said.bytes[2]), 0));
  say_lines(30, 50);
  expect_equal(size_of("log.jsonl.1"), -1);
  read_entries("log.jsonl");
  expect_lines(30, 50);
  tear_down();
}

static void expect_lost_then_said(u64 lost) {
  expect_equal(log_.lost, lost);
  forget_all();
  say_lines(7, 9);
  read_entries("log.jsonl");
  expect_equal(said.lost, lost);
  expect_lines(7, 9);
  expect_equal(log_.lost, 0);
  tear_down();
}

static void a_directory_in_its_place(void) {
  set_up(4096, 3);
  expect(!mkdirat(dir, "log.jsonl", 0700));
  say(1, "four"), say(2, "\nfive\n");
  expect(!unlinkat(dir, "log.jsonl", AT_REMOVEDIR));
  expect_lost_then_said(10);
}

static void a_fifo_in_its_place(void) {
  for (int read_by = 0; read_by < 2; read_by++) {
    set_up(4096, 3);
    expect(!mkfifoat(dir, "log.jsonl", 0600));
    int fifo = read_by ? openat(dir, "log.jsonl", O_RDONLY | O_NONBLOCK) : -1;
    char got;
    say(1, "four");
    expect(!read_by || read(fifo, &got, 1) == 0);
    close(fifo), unlinkat(dir, "log.jsonl", 0);
    expect_lost_then_said(4);
  }
}

static void a_link_in_its_place(void) {
  set_up(4096, 3);
  expect(!symlinkat("elsewhere", dir, "log.jsonl"));
  say(1, "four");
  expect_equal(size_of("elsewhere"), -1);
  unlinkat(dir, "log.jsonl", 0);
  expect_lost_then_said(4);
}

/* What cannot be moved out of the way does not lift the limit. */
static void a_directory_where_the_old_one_goes(void) {
  set_up(4096, 2);
  expect(!mkdirat(dir, "log.jsonl.1", 0700));
  say_lines(0, 200);
  expect(size_of("log.jsonl") <= 4096);
  forget_all();
  read_entries("log.jsonl");
  expect_lines(first_line(), 200);
  expect_equal(log_.lost, 0);
  tear_down();
}

static void mount_small(const char *options) {
  if (unshare(CLONE_NEWNS) || mount("none", "/", 0, MS_REC | MS_PRIVATE, 0)) skip("needs root: it mounts a tmpfs");
  set_up(0, 3);
  expect(!mount("none", dir_name, "tmpfs", 0, options));
  close(dir);
  dir = open(dir_name, O_RDONLY | O_DIRECTORY);
  log_.dir = dir;
}

static void unmount(void) {
  log_close(&log_);
  close(dir);
  expect(!umount2(dir_name, MNT_DETACH) && !rmdir(dir_name));
}

static void a_full_disk_costs_whole_entries(void) {
  char line[128];
  mount_small("size=64k");
  forget_all();
  int ballast = openat(dir, "ballast", O_WRONLY | O_CREAT, 0600);
  expect(write(ballast, zeros, 20000) == 20000);
  u64 told = 0;
  int count = 0;
  for (; log_.lost < 5000; count++) {
    snprintf(line, sizeof line, "line %06d %.*s\n", count, count % 60, letters);
    say(1, line);
    told += strlen(line);
  }
  expect(!unlinkat(dir, "ballast", 0) && !close(ballast));
  u64 lost = log_.lost;
  say(1, "room again\n");
  read_entries("log.jsonl"); /* every line of it is an entry */
  expect_equal(said.lost, lost);
  expect_equal(log_.lost, 0);
  expect_equal(said.length[1], told - lost + strlen("room again\n"));
  expect(!memcmp(said.bytes[1] + said.length[1] - 11, "room again\n", 11));
  unmount();
}

/* What was lost last is said when the log is closed, if there is room then. */
static void the_last_loss_is_said_at_the_end(void) {
  mount_small("size=8k");
  int ballast = openat(dir, "ballast", O_WRONLY | O_CREAT, 0600);
  expect(write(ballast, zeros, 8192) == 8192);
  say(1, "lost words");
  expect_equal(log_.lost, 10);
  expect(!unlinkat(dir, "ballast", 0) && !close(ballast));
  log_close(&log_);
  forget_all();
  read_entries("log.jsonl");
  expect(said.lost == 10 && said.entries == 1);
  unmount();
}

static void a_read_only_directory(void) {
  mount_small("size=64k");
  say(1, "before\n");
  log_close(&log_);
  log_open(&log_, dir, 0, 3);
  expect(!mount(0, dir_name, 0, MS_REMOUNT | MS_RDONLY, 0));
  say(1, "four");
  expect_equal(log_.lost, 4);
  expect(!mount(0, dir_name, 0, MS_REMOUNT, 0));
  say(1, "after\n");
  forget_all();
  read_entries("log.jsonl");
  expect_equal(said.lost, 4);
  expect_said(1, "before\nafter\n", 13);
  unmount();
}

/* Short writes and a limit of the process, whose signal the monitor blocks. */
static void a_file_size_limit(void) {
  struct rlimit limit = {1000, 1000};
  static char text[5000];
  signal(SIGXFSZ, SIG_IGN);
  set_up(0, 1);
  expect(!setrlimit(RLIMIT_FSIZE, &limit));
  say(1, "kept\n");
  memset(text, 'x', sizeof text - 1);
  log_write(&log_, 1, (u8 *)text, sizeof text);
  expect_equal(log_.lost, sizeof text);
  forget_all();
  read_entries("log.jsonl");
  expect_said(1, "kept\n", 5);
  tear_down();
}

static void rest_gives_memory_back(void) {
  static u8 text[1 << 20];
  long before, between, after, total;
  memset(text, 'x', sizeof text);
  set_up(1 << 20, 1);
#define RESIDENT(to) \
  do { \
    FILE *file = fopen("/proc/self/statm", "r"); \
    expect(file && fscanf(file, "%ld %ld", &total, &to) == 2); \
    fclose(file); \
  } while (0)
  RESIDENT(before);
  log_write(&log_, 1, text, sizeof text);
  RESIDENT(between);
  log_rest(&log_), log_rest(&log_);
  RESIDENT(after);
  if (between - before < 15 || between - after < 15) fail("%ld, then %ld, then %ld pages", before, between, after);
  say(1, "and on\n");
  tear_down();
}

int main(void) {
  static const struct test tests[] = {
    {"log: a torn line is taken away", a_torn_line_is_taken_away},
    {"log: what is torn and endless is ended", what_is_torn_and_endless_is_ended},
    {"log: it may be emptied", it_may_be_emptied},
    {"log: a directory in its place", a_directory_in_its_place},
    {"log: a fifo in its place", a_fifo_in_its_place},
    {"log: a link in its place", a_link_in_its_place},
    {"log: a directory where the old one goes", a_directory_where_the_old_one_goes},
    {"log: a full disk costs whole entries", a_full_disk_costs_whole_entries},
    {"log: the last loss is said at the end", the_last_loss_is_said_at_the_end},
    {"log: a read-only directory", a_read_only_directory},
    {"log: a file size limit", a_file_size_limit},
    {"log: rest gives memory back", rest_gives_memory_back},
  };
  return RUN_ALL(tests);
}
