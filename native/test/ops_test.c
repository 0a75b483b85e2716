/* ops_test.c: the small pseudo-ops: files, checks, descriptors passed on. */
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "tape_rig.h"

static void writes_files(void) {
  char dir[] = "/tmp/tsrun-player-XXXXXX", content[16] = {0};
  expect(mkdtemp(dir));
  begin();
  op(OP_OPENAT, "idi", CWD, text(dir), O_DIRECTORY)->save = 2;
  op(OP_WRITE_FILE, "sdiidi", 2, text("file"), O_WRONLY | O_CREAT | O_EXCL, 0640, text("content"), 7);
  op(OP_WRITE_FILE, "sdiidi", 2, text("none"), O_WRONLY, 0, text("x"), 1);
  expect_failure(play(), 102, ENOENT);
  int fd = openat((int)tape.head.slots[2], "file", O_RDONLY);
  struct stat about;
  expect(read(fd, content, sizeof content) == 7 && !strcmp(content, "content"));
  expect(!fstat(fd, &about) && (about.st_mode & 0777) == 0640);
  unlinkat((int)tape.head.slots[2], "file", 0);
  rmdir(dir);
}

static void the_umask_changes_no_mode(void) {
  char dir[] = "/tmp/tsrun-ops-XXXXXX";
  struct stat file, made;
  expect(mkdtemp(dir));
  umask(077);
  begin();
  op(OP_OPENAT, "idi", CWD, text(dir), O_DIRECTORY)->save = 2;
  op(OP_WRITE_FILE, "sdiidi", 2, text("file"), O_WRONLY | O_CREAT | O_EXCL, 0644, text("x"), 1);
  op(OP_MAKE_DIR, "sdi", 2, text("made"), 0755);
  expect_equal(play(), 0);
  int fd = (int)tape.head.slots[2];
  expect(!fstatat(fd, "file", &file, 0) && (file.st_mode & 07777) == 0644);
  expect(!fstatat(fd, "made", &made, 0) && (made.st_mode & 07777) == 0755);
  unlinkat(fd, "file", 0), unlinkat(fd, "made", AT_REMOVEDIR);
  rmdir(dir);
}

static void prints_a_mode(void) {
  char path[] = "/tmp/tsrun-ops-XXXXXX";
  int fd = mkstemp(path);
  static const struct { mode_t mode; const char *text; } cases[] = {{01777, "mode=1777,"}, {0750, "mode=0750,"}, {06001, "mode=6001,"}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect(!fchmod(fd, cases[i].mode));
    begin();
    u64 at = text("mode=____,");
    op(OP_PRINT_MODE, "idi", (u64)fd, at, 5);
    expect_equal(play(), 0);
    expect(!strcmp((char *)&tape + at, cases[i].text));
  }
  unlink(path);
}

static s64 check(u16 code, const char *path, u64 a, u64 b) {
  begin();
  op(OP_OPENAT, "idi", CWD, text(path), O_PATH)->save = 2;
  op(code, "sii", 2, a, b);
  return play();
}

static void checks_descriptors(void) {
  expect_equal(check(OP_CHECK_DEVICE, "/dev/null", 1, 3), 0);
  expect_failure(check(OP_CHECK_DEVICE, "/dev/null", 1, 5), 101, ENODEV);
  expect_failure(check(OP_CHECK_DEVICE, "/etc/passwd", 0, 0), 101, ENODEV);
  expect_equal(check(OP_CHECK_DIR, "/etc", 0, 0), 0);
  expect_failure(check(OP_CHECK_DIR, "/etc/passwd", 0, 0), 101, ENOTDIR);
  expect_equal(check(OP_CHECK_FS, "/proc", PROC_SUPER_MAGIC, 0), 0);
  expect_failure(check(OP_CHECK_FS, "/proc", CGROUP2_SUPER_MAGIC, 0), 101, EXDEV);
}

static void passes_descriptors(void) {
  begin();
  op(OP_SOCKETPAIR, "iiia", AF_UNIX, SOCK_STREAM, 0, 2);
  expect_equal(play(), 0);
  int ends[2];
  memcpy(ends, &tape.head.slots[2], sizeof ends);
  op_count = 0;
  op(OP_OPENAT, "idi", CWD, text("/dev/zero"), O_RDONLY)->save = 3;
  op(OP_SEND_FD, "is", (u64)ends[0], 3);
  op(OP_CLOSE, "s", 3);
  op(OP_RECV_FD, "i", (u64)ends[1])->save = 4;
  op(OP_CHECK_DEVICE, "sii", 4, 1, 5);
  expect_equal(play(), 0);
  alarm(10);
  op_count = 0;
  op(OP_RECV_FD, "i", (u64)ends[1]); /* the other end is open, and nobody will send: a container that was killed */
  expect_failure(play(), 100, EPIPE);
  alarm(0);
}

int main(void) {
  static const struct test tests[] = {
    {"ops: write files", writes_files},
    {"ops: the umask changes no mode", the_umask_changes_no_mode},
    {"ops: print a mode", prints_a_mode},
    {"ops: check descriptors", checks_descriptors},
    {"ops: pass descriptors", passes_descriptors},
  };
  return RUN_ALL(tests);
}
