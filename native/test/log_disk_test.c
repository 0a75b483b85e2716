/* log_disk_test.c: the log's files: how they rotate, and who may read them. */
#include "log_rig.h"

static void rotates(u32 files) {
  static const char *names[] = {"log.jsonl.3", "log.jsonl.2", "log.jsonl.1", "log.jsonl"};
  forget_all();
  set_up(4096, files);
  say_lines(0, 1000);
  for (u32 i = 0; i < 4; i++) {
    int wanted = i >= 4 - files;
    expect_equal(size_of(names[i]) >= 0, wanted);
    if (!wanted) continue;
    expect(size_of(names[i]) <= 4096);
    expect(i == 3 || size_of(names[i]) > 4096 - 200);
    read_entries(names[i]);
  }
  expect_lines(first_line(), 1000);
  tear_down();
}

static void rotates_one_file(void) { rotates(1); }
static void rotates_two_files(void) { rotates(2); }
static void rotates_three_files(void) { rotates(3); }

/* One write of many entries is spread over the files just as many writes are. */
static void rotates_within(int lines, long most) {
  static char text[60 * 20000];
  u64 length = 0;
  for (int i = 0; i < lines; i++) length += (u64)sprintf(text + length, "line %06d %.*s\n", i, i % 60, letters);
  forget_all();
  set_up((u64)most, 3);
  log_write(&log_, 1, (u8 *)text, length);
  for (int i = 2; i >= 0; i--) {
    const char *names[] = {"log.jsonl", "log.jsonl.1", "log.jsonl.2"};
    expect(size_of(names[i]) <= most);
    read_entries(names[i]);
  }
  expect_lines(first_line(), lines);
  expect(first_line() > lines * 3 / 10 && first_line() < lines * 7 / 10);
  tear_down();
}

static void rotates_within_a_write(void) {
  rotates_within(1000, 20000);
  rotates_within(20000, 400000); /* more than the buffer holds, so that an entry lies across its end */
}

static void a_line_longer_than_the_limit(void) {
  static char line[20000];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  forget_all();
  set_up(1000, 3);
  log_write(&log_, 1, (u8 *)line, sizeof line);
  const char *names[] = {"log.jsonl.2", "log.jsonl.1", "log.jsonl"};
  for (int i = 0; i < 3; i++) {
    expect(size_of(names[i]) > 300 && size_of(names[i]) <= 1000);
    read_entries(names[i]);
  }
  expect(said.length[1] > 1500 && said.bytes[1][said.length[1] - 1] == '\n');
  tear_down();
  set_up(1, 2); /* no entry is that short: the limit is taken for the shortest there can be */
  say_lines(0, 100);
  expect(size_of("log.jsonl") <= 512 && size_of("log.jsonl.1") <= 512);
  tear_down();
}

static void none_makes_no_file(void) {
  set_up(0, 0);
  say_lines(0, 10);
  log_close(&log_);
  expect_equal(size_of("log.jsonl"), -1);
  tear_down();
  set_up(0, 3); /* and one that says nothing costs none */
  log_write(&log_, 1, (u8 *)"", 0);
  log_rest(&log_);
  log_close(&log_);
  expect_equal(size_of("log.jsonl"), -1);
  tear_down();
}

static void only_its_owner_reads_it(void) {
  struct stat about;
  umask(0);
  set_up(1000, 2);
  say_lines(0, 100);
  expect(!fstatat(dir, "log.jsonl", &about, 0) && (about.st_mode & 07777) == 0600);
  expect(!fstatat(dir, "log.jsonl.1", &about, 0) && (about.st_mode & 07777) == 0600);
  tear_down();
}

static void an_old_log_is_continued(void) {
  forget_all();
  set_up(4096, 3);
  say_lines(0, 20);
  log_close(&log_);
  log_open(&log_, dir, 4096, 3);
  say_lines(20, 30);
  expect_equal(size_of("log.jsonl.1"), -1);
  log_close(&log_);
  log_open(&log_, dir, 4096, 3);
  say_lines(30, 60); /* what was there counts */
  expect(size_of("log.jsonl.1") > 4096 - 200 && size_of("log.jsonl") < 4096);
  read_entries("log.jsonl.1"), read_entries("log.jsonl");
  expect_lines(0, 60);
  tear_down();
}

int main(void) {
  static const struct test tests[] = {
    {"log: rotates one file", rotates_one_file},
    {"log: rotates two files", rotates_two_files},
    {"log: rotates three files", rotates_three_files},
    {"log: rotates within a write", rotates_within_a_write},
    {"log: a line longer than the limit", a_line_longer_than_the_limit},
    {"log: none makes no file", none_makes_no_file},
    {"log: only its owner reads it", only_its_owner_reads_it},
    {"log: an old log is continued", an_old_log_is_continued},
  };
  return RUN_ALL(tests);
}
