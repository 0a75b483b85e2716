/* calls.h: what strike.c knows of system calls: their names, what they are about, how many there have been. Behind tasks.h. */
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define MAX_CALLS 512
#define MAX_NAMES 4096

static struct { const char *name; int path, fd; } calls[MAX_CALLS];
static struct { char key[160]; int count; } counts[MAX_NAMES];

/* Which argument is a path, which a descriptor; -1: none. */
static void know(long number, const char *name, int path, int fd) {
  if (number < MAX_CALLS) calls[number].name = name, calls[number].path = path, calls[number].fd = fd;
}
#define KNOW(name, path, fd) know(SYS_##name, #name, path, fd)
static void know_calls(void) {
  for (int i = 0; i < MAX_CALLS; i++) calls[i].path = calls[i].fd = -1;
  KNOW(access, 0, -1); KNOW(faccessat, 1, 0); KNOW(stat, 0, -1); KNOW(lstat, 0, -1); KNOW(statx, 1, 0); KNOW(newfstatat, 1, 0);
  KNOW(fstat, -1, 0); KNOW(statfs, 0, -1); KNOW(fstatfs, -1, 0); KNOW(readlink, 0, -1); KNOW(readlinkat, 1, 0);
  KNOW(open, 0, -1); KNOW(openat, 1, -1); KNOW(openat2, 1, -1); KNOW(close, -1, 0); KNOW(close_range, -1, -1);
  KNOW(dup, -1, 0); KNOW(dup2, -1, 0); KNOW(dup3, -1, 0); KNOW(fcntl, -1, 0); KNOW(flock, -1, 0); KNOW(lseek, -1, 0);
  KNOW(read, -1, 0); KNOW(readv, -1, 0); KNOW(pread64, -1, 0); KNOW(write, -1, 0); KNOW(writev, -1, 0); KNOW(pwrite64, -1, 0);
  KNOW(splice, -1, 0); KNOW(tee, -1, 0); KNOW(sendto, -1, 0); KNOW(recvfrom, -1, 0); KNOW(sendmsg, -1, 0); KNOW(recvmsg, -1, 0);
  KNOW(fsync, -1, 0); KNOW(fdatasync, -1, 0); KNOW(ftruncate, -1, 0); KNOW(fallocate, -1, 0); KNOW(getdents64, -1, 0);
  KNOW(mkdir, 0, -1); KNOW(mkdirat, 1, -1); KNOW(rmdir, 0, -1); KNOW(unlink, 0, -1); KNOW(unlinkat, 1, -1); KNOW(mknodat, 1, -1);
  KNOW(rename, 0, -1); KNOW(renameat, 1, -1); KNOW(renameat2, 1, -1); KNOW(link, 0, -1); KNOW(linkat, 1, -1);
  KNOW(symlink, 1, -1); KNOW(symlinkat, 2, -1); KNOW(chmod, 0, -1); KNOW(fchmod, -1, 0); KNOW(fchmodat, 1, -1);
  KNOW(chown, 0, -1); KNOW(fchown, -1, 0); KNOW(fchownat, 1, -1); KNOW(utimensat, 1, 0); KNOW(umask, -1, -1);
  KNOW(chdir, 0, -1); KNOW(fchdir, -1, 0); KNOW(getcwd, -1, -1); KNOW(chroot, 0, -1); KNOW(pivot_root, 0, -1);
  KNOW(mount, 1, -1); KNOW(umount2, 0, -1); KNOW(open_tree, 1, 0); KNOW(move_mount, 3, 2); KNOW(fsopen, 0, -1);
  KNOW(fsconfig, 2, 0); KNOW(fsmount, -1, 0); KNOW(mount_setattr, 1, 0); KNOW(getxattr, 0, -1); KNOW(setxattr, 0, -1);
  KNOW(clone3, -1, -1); KNOW(clone, -1, -1); KNOW(vfork, -1, -1); KNOW(fork, -1, -1); KNOW(execve, 0, -1); KNOW(execveat, 1, 0);
  KNOW(exit, -1, -1); KNOW(exit_group, -1, -1); KNOW(wait4, -1, -1); KNOW(waitid, -1, -1); KNOW(kill, -1, -1); KNOW(tgkill, -1, -1);
  KNOW(pidfd_open, -1, -1); KNOW(pidfd_send_signal, -1, 0); KNOW(unshare, -1, -1); KNOW(setns, -1, 0); KNOW(setsid, -1, -1);
  KNOW(setpgid, -1, -1); KNOW(sethostname, -1, -1); KNOW(setdomainname, -1, -1); KNOW(prctl, -1, -1); KNOW(capset, -1, -1);
  KNOW(capget, -1, -1); KNOW(setresuid, -1, -1); KNOW(setresgid, -1, -1); KNOW(setgroups, -1, -1); KNOW(seccomp, -1, -1);
  KNOW(prlimit64, -1, -1); KNOW(setpriority, -1, -1); KNOW(ioctl, -1, 0); KNOW(keyctl, -1, -1); KNOW(bpf, -1, -1);
  KNOW(memfd_create, 0, -1); KNOW(pipe2, -1, -1); KNOW(socketpair, -1, -1); KNOW(socket, -1, -1); KNOW(bind, -1, 0);
  KNOW(listen, -1, 0); KNOW(accept4, -1, 0); KNOW(connect, -1, 0); KNOW(getsockname, -1, 0); KNOW(getsockopt, -1, 0);
  KNOW(setsockopt, -1, 0); KNOW(getpeername, -1, 0); KNOW(shutdown, -1, 0); KNOW(poll, -1, -1); KNOW(ppoll, -1, -1);
  KNOW(epoll_create1, -1, -1); KNOW(epoll_ctl, -1, 0); KNOW(epoll_wait, -1, 0); KNOW(epoll_pwait, -1, 0); KNOW(eventfd2, -1, -1);
  KNOW(timerfd_create, -1, -1); KNOW(timerfd_settime, -1, 0); KNOW(signalfd4, -1, -1); KNOW(inotify_init1, -1, -1);
  KNOW(inotify_add_watch, 1, 0); KNOW(inotify_rm_watch, -1, 0); KNOW(mmap, -1, -1); KNOW(munmap, -1, -1); KNOW(mprotect, -1, -1);
  KNOW(mremap, -1, -1); KNOW(madvise, -1, -1); KNOW(brk, -1, -1); KNOW(futex, -1, -1); KNOW(rseq, -1, -1);
  KNOW(set_robust_list, -1, -1); KNOW(set_tid_address, -1, -1); KNOW(arch_prctl, -1, -1); KNOW(rt_sigaction, -1, -1);
  KNOW(rt_sigprocmask, -1, -1); KNOW(rt_sigpending, -1, -1); KNOW(rt_sigtimedwait, -1, -1); KNOW(rt_sigreturn, -1, -1);
  KNOW(sigaltstack, -1, -1); KNOW(getpid, -1, -1); KNOW(gettid, -1, -1); KNOW(getppid, -1, -1); KNOW(getuid, -1, -1);
  KNOW(geteuid, -1, -1); KNOW(getgid, -1, -1); KNOW(getegid, -1, -1); KNOW(clock_gettime, -1, -1); KNOW(clock_nanosleep, -1, -1);
  KNOW(nanosleep, -1, -1); KNOW(getrandom, -1, -1); KNOW(sched_yield, -1, -1); KNOW(sched_getaffinity, -1, -1);
  KNOW(sysinfo, -1, -1); KNOW(uname, -1, -1); KNOW(getrlimit, -1, -1); KNOW(membarrier, -1, -1); KNOW(io_uring_setup, -1, -1);
}

static void read_text(pid_t pid, unsigned long at, char *to, size_t size) {
  struct iovec ours = { to, size - 1 }, theirs = { (void *)at, size - 1 };
  ssize_t got = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
  if (got < 0) { /* the end of a mapping */
    theirs.iov_len = ours.iov_len = 4096 - at % 4096 < size - 1 ? 4096 - at % 4096 : size - 1;
    got = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
  }
  to[got < 0 ? 0 : got] = 0;
}

static void describe(pid_t pid, const struct __ptrace_syscall_info *info, char *to, size_t size) {
  long number = info->entry.nr;
  to[0] = 0;
  if (number < 0 || number >= MAX_CALLS) return;
  if (calls[number].path >= 0) read_text(pid, info->entry.args[calls[number].path], to, size);
  if (to[0] || calls[number].fd < 0) return;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, (int)info->entry.args[calls[number].fd]);
  ssize_t length = readlink(path, to, size - 1);
  to[length < 0 ? 0 : length] = 0;
}

static int count(const char *role, const char *name) {
  char key[160];
  snprintf(key, sizeof key, "%s %s", role, name);
  for (int i = 0; i < MAX_NAMES; i++) {
    if (counts[i].count && strcmp(counts[i].key, key)) continue;
    strcpy(counts[i].key, key);
    return ++counts[i].count;
  }
  exit(97);
}
