/* tree.c: removal of directory trees and of cgroups, by descriptors, never following a link, with a bounded stack. */
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include "player.h"

#define AT_REMOVEDIR_ 0x200
#define LIST_SIZE 4096
#define NAME_SIZE 256
#define TRIES 32 /* others may still be adding to it */

struct entry { /* struct linux_dirent64 */
  u64 inode, offset;
  u16 size;
  u8 type;
  char name[];
};
#define TYPE_UNKNOWN 0
#define TYPE_DIRECTORY 4

static int is_dot(const char *name) { return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])); }

static s64 open_dir(s64 dir, const char *name) {
  return sys(openat, dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME, 0);
}

/* -ENAMETOOLONG unless the name fits in size bytes: NAME_MAX binds nobody, FUSE knows names of 1024 bytes. */
s64 take_name(char *to, u64 size, const char *name) {
  u64 length = text_length(name);
  if (length >= size) return -ENAMETOOLONG_;
  memcpy(to, name, length + 1);
  return 0;
}

/* Unlinks what is not a directory and finds one that is: 1 with its name in child, 0 when dir is empty, or an error. */
static s64 empty_until_directory(s64 dir, char *child, int only_directories) {
  char list[LIST_SIZE] __attribute__((aligned(8)));
  for (;;) {
    s64 bytes = sys(getdents64, dir, list, LIST_SIZE);
    if (bytes == -ENOENT_) return 0; /* another has removed it meanwhile */
    if (bytes <= 0) return bytes;
    for (s64 at = 0; at < bytes;) {
      struct entry *entry = (struct entry *)(list + at);
      at += entry->size;
      if (is_dot(entry->name)) continue;
      s64 gone = entry->type == TYPE_DIRECTORY ? -EISDIR_ : only_directories ? 0 : sys(unlinkat, dir, entry->name, 0);
      if (gone == -EISDIR_ || (gone == -EPERM_ && entry->type == TYPE_UNKNOWN)) {
        s64 taken = take_name(child, NAME_SIZE, entry->name);
        return is_error(taken) ? taken : 1;
      }
      if (is_error(gone) && gone != -ENOENT_) return gone;
    }
  }
}

/* Empties the directory top. Only two descriptors are open at any depth: the way back up is "..", checked by device and inode,
 * because a tree that a container made may be deeper than our descriptors, and may be moved under our feet. */
struct place {
  u64 inode;
  u32 major, minor;
};

static s64 where(s64 dir, struct place *place) {
  struct statx st;
  s64 result = sys(statx, dir, "", AT_EMPTY_PATH, STATX_INO, &st);
  place->inode = st.stx_ino;
  place->major = st.stx_dev_major;
  place->minor = st.stx_dev_minor;
  return result;
}

static int same(const struct place *a, const struct place *b) {
  return a->inode == b->inode && a->major == b->major && a->minor == b->minor;
}

/* Removes child, or goes into it; but not twice in a row: what was just left empty and still stays (a cgroup with a process in it,
 * a file system that says ENOTEMPTY for ever) is an error, not a loop. */
static s64 descend(s64 *at, const char *child, int only_directories, const struct place *left) {
  struct place there;
  s64 removed = sys(unlinkat, *at, child, AT_REMOVEDIR_);
  if (!is_error(removed) || removed == -ENOENT_) return 0;
  if (removed != -ENOTEMPTY_ && removed != -EEXIST_ && !(only_directories && removed == -EBUSY_)) return removed;
  s64 next = open_dir(*at, child);
  if (is_error(next)) return next == -ENOENT_ ? 0 : next;
  s64 result = where(next, &there);
  if (!is_error(result) && same(&there, left)) result = removed;
  if (is_error(result)) {
    sys(close, next);
    return result;
  }
  sys(close, *at);
  *at = next;
  return 0;
}

/* arg top is consumed. Works depth first without recursion: an emptied directory is left through ".." and found again, empty, from there. */
static s64 empty_tree(s64 top, int only_directories) {
  struct place root, here = { 0, 0, 0 }; /* at first no place at all */
  s64 result = where(top, &root), at = top;
  char child[NAME_SIZE];
  while (!is_error(result)) {
    result = sys(lseek, at, 0, 0);
    if (!is_error(result)) result = empty_until_directory(at, child, only_directories);
    if (result == 1) {
      result = descend(&at, child, only_directories, &here);
      continue;
    }
    if (is_error(result) || is_error(result = where(at, &here)) || same(&here, &root)) break;
    s64 up = open_dir(at, "..");
    if (is_error(up)) {
      result = up;
      break;
    }
    sys(close, at);
    at = up;
  }
  sys(close, at);
  return is_error(result) ? result : 0;
}

s64 remove_tree(s64 dir, const char *name) {
  s64 unlinked = sys(unlinkat, dir, name, 0);
  if (!is_error(unlinked) || unlinked == -ENOENT_) return 0;
  if (unlinked != -EISDIR_ && unlinked != -EPERM_) return unlinked;
  for (int tries = 0; tries < TRIES; tries++) {
    s64 result = sys(unlinkat, dir, name, AT_REMOVEDIR_);
    if (!is_error(result) || result == -ENOENT_) return 0;
    if (result == -ENOTDIR_) return unlinked; /* a file that nobody may remove: chattr(1) +i */
    if (result != -ENOTEMPTY_ && result != -EEXIST_) return result;
    s64 top = open_dir(dir, name);
    if (is_error(top)) return top == -ENOENT_ ? 0 : top;
    s64 emptied = empty_tree(top, 0);
    if (is_error(emptied) && emptied != -ENOTEMPTY_) return emptied;
  }
  return sys(unlinkat, dir, name, AT_REMOVEDIR_);
}

static void nap(void) {
  struct __kernel_timespec ms = { 0, 1000000 };
  sys(nanosleep, &ms, 0);
}

static void kill_cgroup(s64 cgroup) {
  s64 fd = sys(openat, cgroup, "cgroup.kill", O_WRONLY | O_CLOEXEC, 0); /* cgroup v2, Linux 5.14 */
  if (is_error(fd)) return;
  sys(write, fd, "1", 1);
  sys(close, fd);
}

/* A cgroup whose last process is still on its way out says EBUSY for a moment. */
#define CGROUP_PATIENCE_MS 2000

s64 rmdir_cgroup(s64 dir, const char *path) {
  s64 result = sys(unlinkat, dir, path, AT_REMOVEDIR_);
  for (int ms = 0; result == -EBUSY_ && ms < CGROUP_PATIENCE_MS; ms++) {
    if (ms % 100 == 0) {
      s64 cgroup = open_dir(dir, path);
      if (is_error(cgroup)) return cgroup == -ENOENT_ ? 0 : cgroup;
      kill_cgroup(cgroup);
      empty_tree(cgroup, 1); /* sub-cgroups that the container made; their files cannot be unlinked */
    }
    nap();
    result = sys(unlinkat, dir, path, AT_REMOVEDIR_);
  }
  return result == -ENOENT_ ? 0 : result;
}
