/* in_root.c: the one place where a path of the container's becomes a descriptor.
 *
 * openat2(2) with RESOLVE_IN_ROOT takes every link, absolute or with "..", as the container would see it, and RESOLVE_NO_MAGICLINKS
 * refuses /proc/…/fd/N: the kernel does it in one call, so nothing can be swapped between a check and its use (CVE-2021-30465 and kin). */
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include "player.h"

#define PATH_LIMIT 4096
#define RACE_RETRIES 64

static s64 resolve(s64 root, const char *path, u64 flags, u64 want) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (want & IN_ROOT_NO_SYMLINKS) how.resolve |= RESOLVE_NO_SYMLINKS;
  s64 fd = -EAGAIN_;
  /* EAGAIN: a rename went on while ".." was walked; openat2(2) asks for another try. */
  for (int i = 0; i < RACE_RETRIES && fd == -EAGAIN_; i++) fd = sys(openat2, root, path, &how, sizeof how);
  return fd;
}

static s64 check_type(s64 fd, u64 want) {
  struct statx st;
  s64 result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);
  if (is_error(result)) return result;
  u32 type = st.stx_mode & 0170000;
  if (want & IN_ROOT_REGULAR && type != 0100000) return -EINVAL_;
  return want & IN_ROOT_MAKE_FILE && type == 0040000 ? -EISDIR_ : 0;
}

/* The same inode by the same mount: a bind mount of the root elsewhere is another place. STATX_MNT_ID: Linux 5.8. */
static s64 check_not_root(s64 root, s64 fd) {
  struct statx a, b;
  s64 result = sys(statx, root, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &a);
  if (!is_error(result)) result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &b);
  if (is_error(result)) return result;
  int same_device = a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
  return same_device && a.stx_ino == b.stx_ino && a.stx_mnt_id == b.stx_mnt_id ? -EINVAL_ : 0;
}

static s64 check_found(s64 root, s64 fd, u64 want) {
  s64 result = 0;
  if (want & (IN_ROOT_REGULAR | IN_ROOT_MAKE_FILE)) result = check_type(fd, want);
  if (!is_error(result) && (want & IN_ROOT_NOT_ROOT)) result = check_not_root(root, fd);
  if (!is_error(result)) return fd;
  sys(close, fd);
  return result;
}

static u64 open_flags(u64 want) {
  u64 flags = want & IN_ROOT_READ ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
  return want & (IN_ROOT_DIRECTORY | IN_ROOT_MAKE_DIR) ? flags | O_DIRECTORY : flags;
}

/* Makes one missing component, by the descriptor of its directory: neither mkdirat nor O_EXCL follows a link. */
static s64 make_component(s64 dir, const char *name, int as_file) {
  if (!as_file) return sys(mkdirat, dir, name, 0755);
  s64 fd = sys(openat, dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (is_error(fd)) return fd;
  return sys(close, fd);
}

static s64 make_beneath(s64 root, const char *done, const char *name, int as_file, u64 want) {
  s64 dir = resolve(root, done[0] ? done : ".", O_PATH | O_DIRECTORY, want);
  if (is_error(dir)) return dir;
  s64 result = make_component(dir, name, as_file);
  sys(close, dir);
  return result == -EEXIST_ ? 0 : result;
}

/* Walks path from the left; every prefix that does not resolve is made. */
static s64 make_missing(s64 root, const char *path, u64 want, u32 *detail) {
  char done[PATH_LIMIT];
  u64 length = 0;
  *detail = 0;
  for (const char *rest = path; *rest;) {
    while (*rest == '/') rest++;
    const char *end = rest;
    while (*end && *end != '/') end++;
    if (end == rest) break;
    const char *after = end;
    while (*after == '/') after++;
    u64 parent_length = length;
    if (length + (u64)(end - rest) + 2 > PATH_LIMIT) return -ENAMETOOLONG_;
    char parent[PATH_LIMIT];
    memcpy(parent, done, parent_length);
    parent[parent_length] = 0;
    if (length) done[length++] = '/';
    u64 name_at = length;
    memcpy(done + length, rest, (u64)(end - rest));
    length += (u64)(end - rest);
    done[length] = 0;
    s64 fd = resolve(root, done, O_PATH, want);
    if (fd == -ENOENT_) {
      s64 made = make_beneath(root, parent, done + name_at, !*after && (want & IN_ROOT_MAKE_FILE), want);
      if (is_error(made)) return made;
    } else if (is_error(fd)) {
      return fd;
    } else {
      sys(close, fd);
    }
    rest = after;
    ++*detail;
  }
  return 0;
}

s64 open_in_root(s64 root, const char *path, u64 want, u32 *detail) {
  while (*path == '/') path++;
  if (!*path) path = ".";
  s64 fd = resolve(root, path, open_flags(want), want);
  if (fd == -ENOENT_ && (want & (IN_ROOT_MAKE_DIR | IN_ROOT_MAKE_FILE))) {
    s64 made = make_missing(root, path, want, detail);
    if (is_error(made)) return made;
    fd = resolve(root, path, open_flags(want), want);
  }
  return is_error(fd) ? fd : check_found(root, fd, want);
}
