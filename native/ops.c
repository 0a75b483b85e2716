/* ops.c: the pseudo-ops that are neither a clone nor a resolution nor a removal. */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/stat.h>
#include "player.h"

/* All of it, or an error: write(2) may take a part when the disk is full or a limit is near. */
s64 write_all(s64 fd, const char *data, u64 length) {
  while (length) {
    s64 done = sys(write, fd, data, length);
    if (done == -EINTR_) continue;
    if (is_error(done)) return done;
    data += done;
    length -= (u64)done;
  }
  return 0;
}

/* A umask takes away from the others; one that takes from the owner does not matter to root. */
static int umask_matters(s64 mode) { return (mode & 07077) != 0; }

/* arg: dir, path, flags, mode, data, length. */
s64 write_file(const s64 *arg) {
  s64 fd = sys(openat, arg[0], arg[1], arg[2] | O_CLOEXEC, arg[3]);
  if (is_error(fd)) return fd;
  s64 result = (arg[2] & O_CREAT) && umask_matters(arg[3]) ? sys(fchmod, fd, arg[3]) : 0;
  if (!is_error(result)) result = write_all(fd, (const char *)arg[4], (u64)arg[5]);
  s64 closed = sys(close, fd);
  return is_error(result) ? result : closed;
}

static s64 make_dir(s64 dir, const char *path, s64 mode) {
  s64 result = sys(mkdirat, dir, path, mode);
  return is_error(result) || !umask_matters(mode) ? result : sys(fchmodat, dir, path, mode);
}

static s64 print_mode(s64 fd, char *text) {
  struct statx st;
  s64 result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_MODE, &st);
  if (is_error(result)) return result;
  for (int i = 0; i < 4; i++) text[i] = (char)('0' + (st.stx_mode >> (9 - 3 * i) & 7));
  return 0;
}

static s64 check_device(s64 fd, u32 major, u32 minor) {
  struct statx st;
  s64 result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);
  if (is_error(result)) return result;
  int right = (st.stx_mode & 0170000) == 0020000 && st.stx_rdev_major == major && st.stx_rdev_minor == minor;
  return right ? 0 : -ENODEV_;
}

static s64 check_directory(s64 fd) {
  struct statx st;
  s64 result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);
  if (is_error(result)) return result;
  return (st.stx_mode & 0170000) == 0040000 ? 0 : -ENOTDIR_;
}

/* getcwd(2) says "(unreachable)…" for a directory that the root does not hold (CVE-2024-21626). */
static s64 check_cwd(void) {
  char path[4096];
  s64 length = sys(getcwd, path, sizeof path);
  if (is_error(length)) return length;
  return path[0] == '/' ? 0 : -EXDEV_;
}

static s64 check_fs(s64 fd, s64 magic) {
  struct { s64 type; s64 rest[31]; } fs;
  s64 result = sys(fstatfs, fd, &fs);
  if (is_error(result)) return result;
  return fs.type == magic ? 0 : -EXDEV_;
}

/* PR_CAPBSET_READ fails with EINVAL behind the last capability that the kernel knows. */
static s64 drop_bounding(u64 keep) {
  for (int cap = 0; cap < 64; cap++) {
    s64 held = sys(prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
    if (held == -EINVAL_) return 0;
    if (is_error(held)) return held; /* any other would leave all that come behind */
    if (!held || keep >> cap & 1) continue;
    s64 dropped = sys(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (is_error(dropped)) return dropped;
  }
  return 0;
}

/* cgroup.freeze says 1 or 0; freezer.state FREEZING, FROZEN or THAWED. */
static s64 check_thawed(const char *path) {
  char state = 0;
  s64 fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (is_error(fd)) return 0;
  sys(read, fd, &state, 1);
  sys(close, fd);
  return state == '1' || state == 'F' ? -EAGAIN_ : 0;
}

static s64 store(const s64 *arg) {
  u32 value = (u32)arg[2];
  memcpy((char *)arg[0] + arg[1], &value, sizeof value);
  return 0;
}

/* A name is taken from its owner and from nobody else: what was true when the tape was made may not be so now. */
static s64 unlink_link(s64 dir, const char *path, const char *target) {
  char found[256];
  s64 length = sys(readlinkat, dir, path, found, sizeof found);
  if (length == -EINVAL_ || length == -ENOENT_) return 0;
  if (is_error(length)) return length;
  if ((u64)length != text_length(target)) return 0;
  for (s64 i = 0; i < length; i++) if (found[i] != target[i]) return 0;
  s64 result = sys(unlinkat, dir, path, 0);
  return result == -ENOENT_ ? 0 : result;
}

/* What changes while the tape waits to be played is in a link. */
static s64 unlink_linked(s64 dir, const char *path, const char *target) {
  char found[4096];
  s64 length = sys(readlinkat, dir, path, found, sizeof found - 1);
  if (length == -EINVAL_ || length == -ENOENT_) return 0;
  if (is_error(length)) return length;
  found[length] = 0;
  return unlink_link(AT_FDCWD, found, target);
}

s64 play_pseudo(struct tape *tape, const struct op *op, const s64 *arg) {
  switch (op->code) {
    case OP_CLONE: return play_clone(tape, arg);
    case OP_CLONE_APART: return play_clone_apart(tape, arg);
    case OP_HOLD_SIGNALS: return hold_signals((u64)arg[0]);
    case OP_EXIT: return sys(exit_group, arg[0]);
    case OP_STORE: return store(arg);
    case OP_EXEC: return play_exec(tape, arg);
    case OP_SHARE_MEMORY: return share_memory();
    case OP_IN_ROOT: return open_in_root(arg[0], (const char *)arg[1], (u64)arg[2], &tape->failed_detail);
    case OP_WRITE_FILE: return write_file(arg);
    case OP_MAKE_DIR: return make_dir(arg[0], (const char *)arg[1], arg[2]);
    case OP_PRINT_MODE: return print_mode(arg[0], (char *)arg[1] + arg[2]);
    case OP_CHECK_DEVICE: return check_device(arg[0], (u32)arg[1], (u32)arg[2]);
    case OP_CHECK_DIR: return check_directory(arg[0]);
    case OP_CHECK_CWD: return check_cwd();
    case OP_CHECK_THAWED: return check_thawed((const char *)arg[0]);
    case OP_CHECK_FS: return check_fs(arg[0], arg[1]);
    case OP_REMOVE_TREE: return remove_tree(arg[0], (const char *)arg[1]);
    case OP_RMDIR_CGROUP: return rmdir_cgroup(arg[0], (const char *)arg[1]);
    case OP_UNLINK_LINK: return unlink_link(arg[0], (const char *)arg[1], (const char *)arg[2]);
    case OP_UNLINK_LINKED: return unlink_linked(arg[0], (const char *)arg[1], (const char *)arg[2]);
    case OP_SEND_FD: return send_fd(arg[0], arg[1]);
    case OP_RECV_FD: return receive_fd(arg[0]);
    case OP_BIND_AT: return bind_at(arg[0], arg[1], (const char *)arg[2]);
    case OP_CONNECT_AT: return connect_at(arg[0], arg[1], (const char *)arg[2]);
    case OP_SEND_MESSAGE: return send_message(arg[0], (const struct control *)arg[1], arg + 2);
    case OP_OOM_BASE: return oom_base(arg[0]);
    case OP_RECORD_EXIT: return record_exit(tape, arg);
    case OP_RECORD_RUN: return record_run(arg);
    case OP_RECORD_EXEC_END: return record_exec_end(tape, arg);
    case OP_RECORD_START: return record_start(arg);
    case OP_CLOSE_OPENED: return arg[0] > 2 ? sys(close, arg[0]) : 0;
    case OP_LINK_ROOT: return link_root(arg[0], (const char *)arg[1], arg[2]);
    case OP_RECORD_EVENT: return record_event(tape, arg);
    case OP_CHECK_SIGNALS: return check_signals();
    case OP_FAIL_AT: return -arg[0];
    case OP_DROP_BOUNDING: return drop_bounding((u64)arg[0]);
    default: return -ENOSYS_;
  }
}
