/* root_test.c: OP_IN_ROOT against hostile links, and OP_REMOVE_TREE: neither leaves the tree it was given.
 * The last word of argv, --emulated: under qemu-user. */
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/fs.h>
#include "tape_rig.h"

static char base[] = "/tmp/tsrun-root-XXXXXX"; /* base/root is the root; base/outside must stay as it is */
static int base_fd, root_fd, emulated;

static void put(int dir, const char *name, const char *content) {
  int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  expect(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
  close(fd);
}

static void set_up(void) {
  expect(mkdtemp(base));
  base_fd = open(base, O_RDONLY | O_DIRECTORY);
  expect(!mkdirat(base_fd, "root", 0755) && !mkdirat(base_fd, "outside", 0755));
  root_fd = openat(base_fd, "root", O_RDONLY | O_DIRECTORY);
  put(base_fd, "outside/keep", "outside");
  expect(!mkdirat(root_fd, "etc", 0755) && !mkdirat(root_fd, "outside", 0755));
  put(root_fd, "etc/name", "inside");
  expect(!symlinkat("../../etc", root_fd, "up") && !symlinkat("/etc", root_fd, "absolute") && !symlinkat("loop", root_fd, "loop"));
  expect(!symlinkat("../outside/new", root_fd, "dangling") && !symlinkat("/proc/self/root", root_fd, "magic"));
  expect(!mkfifoat(root_fd, "fifo", 0644));
}

static s64 remove_by_op(int dir, const char *name) {
  begin();
  op(OP_REMOVE_TREE, "id", (u64)dir, text(name));
  return play();
}

static void tear_down(void) {
  expect_equal(remove_by_op(AT_FDCWD, base), 0);
  expect(access(base, F_OK) < 0);
}

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

static void removes_no_more_than_the_tree(void) {
  set_up();
  expect(!symlinkat("../../outside", root_fd, "etc/out") && !symlinkat("outside", base_fd, "link"));
  put(root_fd, "etc/second", "x");
  expect_equal(remove_by_op(base_fd, "root"), 0);
  expect(faccessat(base_fd, "root", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && !faccessat(base_fd, "outside/keep", F_OK, 0));
  expect_equal(remove_by_op(base_fd, "link"), 0); /* the link itself */
  expect(!faccessat(base_fd, "outside/keep", F_OK, 0));
  expect_equal(remove_by_op(base_fd, "link"), 0); /* gone already is success */
  expect_equal(remove_by_op(base_fd, "outside/keep"), 0);
  tear_down();
}

static void removes_deep_trees(void) {
  set_up();
  int at = dup(root_fd);
  for (int depth = 0; depth < 2000; depth++) {
    expect(!mkdirat(at, "a-long-name-so-that-the-path-is-longer-than-any-limit", 0755));
    if (depth % 100 == 0) put(at, "file", "x");
    int next = openat(at, "a-long-name-so-that-the-path-is-longer-than-any-limit", O_RDONLY | O_DIRECTORY);
    close(at);
    at = next;
  }
  close(at);
  tear_down();
}

static void removes_wide_trees(void) {
  char name[32];
  set_up();
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "etc/file-%d", i);
    put(root_fd, name, "x");
    snprintf(name, sizeof name, "etc/dir-%d", i);
    expect(!mkdirat(root_fd, name, 0755));
  }
  tear_down();
}

/* FUSE hands out names longer than NAME_MAX; a buffer on the keeper's stack once took them all. */
static void a_name_that_does_not_fit_is_an_error(void) {
  char long_name[1025], to[16 + 1];
  memset(long_name, 'n', 1024);
  long_name[1024] = 0;
  to[16] = 'x';
  expect_equal(take_name(to, 16, long_name), -ENAMETOOLONG);
  expect_equal(take_name(to, 16, long_name + 1024 - 16), -ENAMETOOLONG);
  expect_equal(take_name(to, 16, long_name + 1024 - 15), 0);
  expect(strlen(to) == 15 && to[16] == 'x');
}

static int make_immutable(int dir, const char *name, int immutable) {
  int fd = openat(dir, name, O_RDONLY), flags = immutable ? FS_IMMUTABLE_FL : 0;
  int result = ioctl(fd, FS_IOC_SETFLAGS, &flags);
  close(fd);
  return result;
}

static void says_what_cannot_be_removed(void) {
  set_up();
  if (make_immutable(root_fd, "etc/name", 1)) remove_by_op(AT_FDCWD, base), skip("no immutable files here");
  s64 within = remove_by_op(base_fd, "root"), itself = remove_by_op(root_fd, "etc/name");
  expect(!make_immutable(root_fd, "etc/name", 0));
  expect_equal(within, -EPERM);
  expect_equal(itself, -EPERM); /* and not ENOTDIR */
  tear_down();
}

static s64 unlink_link_by_op(const char *path, const char *target) {
  begin();
  op(OP_UNLINK_LINK, "idd", (u64)root_fd, text(path), text(target));
  return play();
}

static void unlinks_a_link_only_where_it_leads(void) {
  struct stat about;
  set_up();
  expect(!symlinkat("mine", root_fd, "name"));
  for (const char *const *other = (const char *const[]){"min", "mine2", "nine", "", 0}; *other; other++) {
    expect_equal(unlink_link_by_op("name", *other), 0);
    expect(!fstatat(root_fd, "name", &about, AT_SYMLINK_NOFOLLOW));
  }
  expect_equal(unlink_link_by_op("etc", "mine"), 0);
  expect_equal(unlink_link_by_op("etc/name", "mine"), 0);
  expect(!fstatat(root_fd, "etc/name", &about, 0));
  expect_equal(unlink_link_by_op("name", "mine"), 0);
  expect(fstatat(root_fd, "name", &about, AT_SYMLINK_NOFOLLOW) < 0);
  expect_equal(unlink_link_by_op("name", "mine"), 0);
  tear_down();
}

static s64 record_by_op(void) {
  begin();
  op(OP_RECORD_EXIT, "iddi", (u64)base_fd, text("exit.json"), text("exit.tmp"), 0);
  return play();
}

/* A record that was cut off must not take the place of the whole one. */
static void a_short_write_leaves_the_record_as_it_was(void) {
  char content[256] = {0};
  struct rlimit all, few = {20, RLIM_INFINITY};
  set_up();
  put(base_fd, "exit.json", "as it was");
  signal(SIGXFSZ, SIG_IGN);
  expect(!getrlimit(RLIMIT_FSIZE, &all) && !setrlimit(RLIMIT_FSIZE, &few));
  s64 result = record_by_op();
  expect(!setrlimit(RLIMIT_FSIZE, &all));
  expect_equal(result, -EFBIG);
  int fd = openat(base_fd, "exit.json", O_RDONLY);
  expect(read(fd, content, sizeof content) > 0 && !strcmp(content, "as it was"));
  close(fd);
  expect_equal(record_by_op(), 0);
  fd = openat(base_fd, "exit.json", O_RDONLY);
  expect(read(fd, content, sizeof content) > 20 && strstr(content, "\"exitCode\":0"));
  close(fd);
  tear_down();
}

int main(int argc, char **argv) {
  static const struct test tests[] = {
    {"in_root stays inside", stays_inside},
    {"in_root refuses magic links", refuses_magic_links},
    {"in_root checks what it found", checks_what_it_found},
    {"in_root makes what is missing, inside", makes_what_is_missing_inside},
    {"remove_tree removes no more than the tree", removes_no_more_than_the_tree},
    {"remove_tree removes deep trees", removes_deep_trees},
    {"remove_tree removes wide trees", removes_wide_trees},
    {"remove_tree: a name that does not fit is an error", a_name_that_does_not_fit_is_an_error},
    {"remove_tree says what cannot be removed", says_what_cannot_be_removed},
    {"unlink_link takes a link away only where it leads", unlinks_a_link_only_where_it_leads},
    {"record_exit: a short write leaves the record as it was", a_short_write_leaves_the_record_as_it_was},
  };
  emulated = argc > 1 && !strcmp(argv[argc - 1], "--emulated");
  return RUN_ALL(tests);
}
