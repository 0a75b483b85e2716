/* tree_rig.h: a small tree with hostile links, and something beside it that is to stay as it is. */
#ifndef TSRUN_TREE_RIG_H
#define TSRUN_TREE_RIG_H
#include <sys/stat.h>
#include "tape_rig.h"

static char base[] = "/tmp/tsrun-root-XXXXXX"; /* base/root is the root; base/outside must stay as it is */
static int base_fd, root_fd;

static inline void put(int dir, const char *name, const char *content) {
  int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  expect(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
  close(fd);
}

static inline void set_up(void) {
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

static inline s64 remove_by_op(int dir, const char *name) {
  begin();
  op(OP_REMOVE_TREE, "id", (u64)dir, text(name));
  return play();
}

static inline void tear_down(void) {
  expect_equal(remove_by_op(AT_FDCWD, base), 0);
  expect(access(base, F_OK) < 0);
}

#endif
