/* root_test.c: OP_IN_ROOT against hostile links: it never leaves the root. The last word of argv, --emulated: under qemu-user. */
#include "tree_rig.h"

static int emulated;

/* The descriptor of path, or a negative errno. */
static s64 in(int root, const char *path, u64 want) {
  if (emulated) remove_by_op(AT_FDCWD, base), skip("qemu-user has no openat2");
  begin();
  op(OP_IN_ROOT, "idi", (u64)root, text(path), want)->save = 2;
  s64 result = play();
  return result ? result : tape.head.slots[2];
}

static void expect_inside(const char *path) {
  char content[16] = {0};
  s64 fd = in(root_fd, path, IN_ROOT_READ | IN_ROOT_REGULAR);
  if (fd < 0) fail("%s: errno %ld", path, -fd);
  expect_equal(read((int)fd, content, sizeof content), 6);
  expect(!strcmp(content, "inside"));
  close((int)fd);
}

static void stays_inside(void) {
  set_up();
  expect_inside("etc/name");
  expect_inside("/etc/name");
  expect_inside("up/name");
  expect_inside("absolute/name");
  expect_inside("../../../../etc/name");
  expect_inside("etc/../../../etc/./name");
  expect_equal(in(root_fd, "outside/keep", 0), -ENOENT);
  expect_equal(in(root_fd, "loop", 0), -ELOOP);
  expect_equal(in(root_fd, "up/name", IN_ROOT_NO_SYMLINKS), -ELOOP);
  expect_equal(in(root_fd, "magic/etc", 0), -ENOENT); /* its own /proc, and there is none */
  tear_down();
}

/* With a /proc in the root, a magic link leads out of any root: it is refused. */
static void refuses_magic_links(void) {
  int proc = open("/proc", O_RDONLY | O_DIRECTORY), null = open("/dev/null", O_RDONLY);
  char path[64];
  snprintf(path, sizeof path, "%d/fd/%d", getpid(), null);
  expect(faccessat(proc, path, F_OK, 0) == 0);
  expect_equal(in(proc, path, 0), -ELOOP);
  snprintf(path, sizeof path, "%d/root/etc", getpid());
  expect_equal(in(proc, path, 0), -ELOOP);
  snprintf(path, sizeof path, "%d/cwd", getpid());
  expect_equal(in(proc, path, IN_ROOT_MAKE_DIR), -ELOOP);
}

static void checks_what_it_found(void) {
  set_up();
  expect_equal(in(root_fd, "etc/name", IN_ROOT_DIRECTORY), -ENOTDIR);
  expect(in(root_fd, "etc", IN_ROOT_DIRECTORY) >= 0);
  expect(in(root_fd, "", IN_ROOT_DIRECTORY) >= 0 && in(root_fd, "/", IN_ROOT_DIRECTORY) >= 0);
  expect_equal(in(root_fd, "fifo", IN_ROOT_READ | IN_ROOT_REGULAR), -EINVAL); /* and does not wait for a writer */
  expect_equal(in(root_fd, "etc", IN_ROOT_READ | IN_ROOT_REGULAR), -EINVAL);
  s64 fd = in(root_fd, "etc/name", 0);
  char byte;
  expect(read((int)fd, &byte, 1) < 0 && errno == EBADF); /* O_PATH */
  expect(fcntl((int)fd, F_GETFD) & FD_CLOEXEC);
  tear_down();
}

static int is(const char *path, mode_t type, mode_t mode) {
  struct stat about;
  return !fstatat(base_fd, path, &about, AT_SYMLINK_NOFOLLOW) && (about.st_mode & S_IFMT) == type && (about.st_mode & 0777) == mode;
}

static void makes_what_is_missing_inside(void) {
  umask(022);
  set_up();
  expect(in(root_fd, "up/a/b/c", IN_ROOT_MAKE_DIR) >= 0);
  expect(is("root/etc/a/b/c", S_IFDIR, 0755));
  expect(in(root_fd, "absolute//d/./e/../file", IN_ROOT_MAKE_FILE) >= 0);
  expect(is("root/etc/d/file", S_IFREG, 0644));
  expect(in(root_fd, "../../../../srv/x", IN_ROOT_MAKE_FILE) >= 0);
  expect(is("root/srv/x", S_IFREG, 0644));
  expect(in(root_fd, "etc/name", IN_ROOT_MAKE_FILE) >= 0); /* what is there stays as it is */
  expect_inside("etc/name");
  expect(in(root_fd, "etc/name/x", IN_ROOT_MAKE_DIR) < 0);
  in(root_fd, "dangling", IN_ROOT_MAKE_FILE), in(root_fd, "dangling/x", IN_ROOT_MAKE_DIR);
  expect(!is("outside/new", S_IFREG, 0644) && !is("outside/new", S_IFDIR, 0755));
  expect(is("root/dangling", S_IFLNK, 0777));
  tear_down();
}

int main(int argc, char **argv) {
  static const struct test tests[] = {
    {"in_root stays inside", stays_inside},
    {"in_root refuses magic links", refuses_magic_links},
    {"in_root checks what it found", checks_what_it_found},
    {"in_root makes what is missing, inside", makes_what_is_missing_inside},
  };
  emulated = argc > 1 && !strcmp(argv[argc - 1], "--emulated");
  return RUN_ALL(tests);
}
