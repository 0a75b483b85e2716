/* tree_test.c: OP_REMOVE_TREE, OP_UNLINK_LINK and OP_RECORD_EXIT: no more is changed than was meant. */
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <linux/fs.h>
#include "tree_rig.h"

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

static void unlinks_what_a_link_leads_to(void) {
  char path[4096];
  struct stat about;
  set_up();
  snprintf(path, sizeof path, "/proc/self/fd/%d/name", root_fd);
  for (const char *const *other = (const char *const[]){"another", "mine", 0}; *other; other++) {
    expect(!symlinkat("mine", root_fd, "name") || errno == EEXIST);
    expect(!symlinkat(path, root_fd, "to"));
    begin();
    op(OP_UNLINK_LINKED, "idd", (u64)root_fd, text("to"), text(*other));
    expect_equal(play(), 0);
    expect(!fstatat(root_fd, "to", &about, AT_SYMLINK_NOFOLLOW));
    expect(!unlinkat(root_fd, "to", 0));
    expect_equal(!fstatat(root_fd, "name", &about, AT_SYMLINK_NOFOLLOW), strcmp(*other, "mine") != 0);
  }
  for (const char *const *none = (const char *const[]){"to", "etc", "etc/name", 0}; *none; none++) {
    begin();
    op(OP_UNLINK_LINKED, "idd", (u64)root_fd, text(*none), text("mine"));
    expect_equal(play(), 0);
  }
  expect(!fstatat(root_fd, "etc/name", &about, 0));
  tear_down();
}

static s64 record_by_op(void) {
  begin();
  op(OP_RECORD_EXIT, "iddi", (u64)base_fd, text("exit.json"), text("exit.tmp"), 0);
  return play();
}

/* What the record says of OOM kills when the events file says that, of the run that ended then. */
static s64 kills_recorded(const char *events, s64 base_count, s64 finished) {
  char content[256] = {0}, path[64];
  unlinkat(base_fd, "memory.events", 0);
  put(base_fd, "memory.events", events);
  snprintf(path, sizeof path, "%s/memory.events", base);
  begin();
  op(OP_OOM_BASE, "i", (u64)base_count);
  op(OP_RECORD_EXIT, "iddd", (u64)base_fd, text("exit.json"), text("exit.tmp"), text(path));
  tape.head.slots[SLOT_FINISHED] = finished;
  expect_equal(play(), 0);
  int fd = openat(base_fd, "exit.json", O_RDONLY);
  expect(read(fd, content, sizeof content) > 20);
  close(fd);
  const char *found = strstr(content, "\"oomKills\":");
  return found ? atoll(found + 11) : -1;
}

static void counts_the_oom_kills_of_one_run(void) {
  set_up();
  expect_equal(kills_recorded("oom 9\noom_kill 7\noom_group_kill 9\n", 5, 1), 2); /* a left-over cgroup had counted 5 */
  expect_equal(kills_recorded("oom_kill 8\n", 5, 1), 2); /* once for each end: the event says what the record says */
  expect_equal(kills_recorded("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n", 5, 2), 0); /* 7 have been counted by this process */
  expect_equal(kills_recorded("oom_kill 8\n", 5, 3), 1);
  expect_equal(kills_recorded("oom_kill 3\n", 5, 4), 3); /* the cgroup was made anew */
  expect_equal(kills_recorded("", 5, 5), 0);
  tear_down();
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

int main(void) {
  static const struct test tests[] = {
    {"remove_tree removes no more than the tree", removes_no_more_than_the_tree},
    {"remove_tree removes deep trees", removes_deep_trees},
    {"remove_tree removes wide trees", removes_wide_trees},
    {"remove_tree: a name that does not fit is an error", a_name_that_does_not_fit_is_an_error},
    {"remove_tree says what cannot be removed", says_what_cannot_be_removed},
    {"unlink_link takes a link away only where it leads", unlinks_a_link_only_where_it_leads},
    {"unlink_linked takes away what a link leads to", unlinks_what_a_link_leads_to},
    {"record_exit: OOM kills are those of one run", counts_the_oom_kills_of_one_run},
    {"record_exit: a short write leaves the record as it was", a_short_write_leaves_the_record_as_it_was},
  };
  return RUN_ALL(tests);
}
