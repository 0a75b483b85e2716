/* abi.h: the contract between TypeScript (src/plan, src/kernel) and the C that acts.
 *
 * THE TAPE. TypeScript composes a plan of typed steps and encodes it into one flat buffer, the tape. The player (player.c)
 * performs it op by op with raw system calls. No parsing, no allocation, no decisions but those that an op spells out.
 * All integers little endian; every offset counts from the first byte of the tape; ops are 8-byte aligned.
 *
 *   +--------+------+-----------------------------+--------+
 *   | header | ops  | data: strings, structs, ...  | relocs |
 *   +--------+------+-----------------------------+--------+
 *
 * A clone op names a run of further ops that its child plays: that is how a plan holds a nested plan.
 * Parent and child share the memory (CLONE_VM|CLONE_VFORK), so a failure deep inside is read from the one header; a child apart
 * sends it through a pipe.
 *
 * The monitor's part, roles and messages: protocol.h.
 * src/kernel/abi.ts repeats these numbers; test/kernel/abi.test.ts reads this file and asserts that they are equal. */
#ifndef TSRUN_ABI_H
#define TSRUN_ABI_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long u64;
typedef long s64;

#define TAPE_MAGIC 0x4e525354u /* "TSRN" */
#define TAPE_VERSION 1
#define TAPE_SLOTS 64
#define TAPE_NO_SLOT 255
/* Slots with a fixed meaning; a plan uses the others for its descriptors and pids. */
#define SLOT_STATUS 0   /* keeper: wait status of the process it kept, as wait(2) packs it */
#define SLOT_FINISHED 1 /* keeper: CLOCK_REALTIME ns when that process ended */
#define SLOT_FIRST_FREE 2

struct tape {
  u32 magic, version;
  u32 size;            /* bytes, all included */
  u32 ops, op_count;   /* the ops of the outermost player */
  u32 relocs, reloc_count; /* offsets of u64 words that hold a tape offset and become pointers */
  s32 failed_step;     /* result: the plan's step number that failed, or -1 */
  s32 failed_errno;    /* result: its errno, positive */
  u32 failed_detail;   /* result: which candidate of an exec, which component of a path; else 0 */
  u64 base;            /* address the relocated words are valid for; 0 at first */
  u64 started_ns, finished_ns; /* result: CLOCK_MONOTONIC around the whole play */
  u32 beside;          /* result: the thread of libtsrun.so's own that plays it, or has */
  u32 host;            /* HOST_* */
  s64 slots[TAPE_SLOTS];
};

/* What libtsrun.so does for the process that it is loaded into. */
#define HOST_BRIEF 1  /* it lives for one start: V8 need not optimize what runs */
#define HOST_BESIDE 2 /* on a thread beside; who plays it again waits for that, or really plays it when no thread could be had */

/* How an argument of an op becomes a register. Four bits each, argument 0 lowest. */
#define ARG_IMM 0     /* the value itself */
#define ARG_DATA 1    /* offset into the tape -> pointer */
#define ARG_SLOT 2    /* slot number -> the slot's value */
#define ARG_FDPATH 3  /* slot number -> "/proc/self/fd/<value>": a descriptor where the kernel wants a path */
#define ARG_SLOTADDR 4 /* slot number -> pointer to the slot */

struct op {
  u16 code;         /* OP_* */
  u8 save;          /* slot that receives the result, or TAPE_NO_SLOT */
  u8 ok_skip;       /* on success skip that many following ops */
  u32 kinds;        /* ARG_*, four bits an argument */
  u16 err1, err2;   /* errnos that are expected here ... */
  u8 skip1, skip2;  /* ... and how many following ops they skip */
  u16 flags;        /* OPF_* */
  u32 step;         /* number of the plan's step, for the blame */
  u32 reserved;
  u64 arg[6];
};
#define ERR_ANY 0xffff /* as err1 or err2: any errno; err1 is looked at first */
#define OPF_IGNORE 1 /* any error is ignored: only for undoing */
#define OPF_REPLACE 2 /* an earlier op of this run saved a descriptor in the same slot: it is closed, once there is a new one */

/* Op codes. 1..199 are system calls of the same name, with their own arguments in order. */
#define OP_MOUNT 1
#define OP_UMOUNT2 2
#define OP_PIVOT_ROOT 3
#define OP_SETHOSTNAME 4
#define OP_SETDOMAINNAME 5
#define OP_UNSHARE 6
#define OP_SETNS 7
#define OP_OPENAT 8
#define OP_OPENAT2 9
#define OP_CLOSE 10
#define OP_CLOSE_RANGE 11
#define OP_DUP3 12
#define OP_FCNTL 13
#define OP_MKDIRAT 14
#define OP_MKNODAT 15
#define OP_SYMLINKAT 16
#define OP_UNLINKAT 17
#define OP_FCHDIR 18
#define OP_CHDIR 19
#define OP_FCHMOD 20
#define OP_FCHOWN 21
#define OP_WRITE 22
#define OP_READ 23
#define OP_PRCTL 24
#define OP_CAPSET 25
#define OP_SETRESUID 26
#define OP_SETRESGID 27
#define OP_SETGROUPS 28
#define OP_SETSID 29
#define OP_IOCTL 30
#define OP_UMASK 31
#define OP_PRLIMIT64 32
#define OP_SECCOMP 33
#define OP_FLOCK 34
#define OP_RENAMEAT2 35
#define OP_FSYNC 36
#define OP_MEMFD_CREATE 37
#define OP_SOCKETPAIR 38
#define OP_PIPE2 39
#define OP_PIDFD_OPEN 40
#define OP_PIDFD_SEND_SIGNAL 41
#define OP_OPEN_TREE 42
#define OP_MOVE_MOUNT 43
#define OP_FSOPEN 44
#define OP_FSCONFIG 45
#define OP_FSMOUNT 46
#define OP_MOUNT_SETATTR 47
#define OP_KEYCTL 48
#define OP_BPF 49
#define OP_STATX 50
#define OP_FCHMODAT 51
#define OP_FCHOWNAT 52
#define OP_LINKAT 53
#define OP_WAITID 54
#define OP_KILL 55
#define OP_EXECVE 56
#define OP_FSTATFS 57
#define OP_POLL 58
#define OP_LSEEK 59
#define OP_FTRUNCATE 60
#define OP_GETXATTR 61
#define OP_SETPRIORITY 62
#define OP_SOCKET 63
#define OP_EXECVEAT 64
#define OP_RT_SIGPROCMASK 65
#define OP_LISTEN 66
#define OP_SYSCALL_LAST 66

/* Pseudo-ops: a few calls that belong together, or a check that no system call makes. */
#define OP_CLONE 200        /* flags, ops offset, op count, cgroup fd slot or TAPE_NO_SLOT, slot for the pidfd or TAPE_NO_SLOT; result: pid */
#define OP_EXEC 201         /* candidates (char*[]), argv, envp: the first candidate that executes; ENOENT/ENOTDIR/EACCES go on to the next */
#define OP_IN_ROOT 202      /* root fd, path, IN_ROOT_*; result: O_PATH descriptor of what is at path, resolved with that root */
#define OP_WRITE_FILE 203   /* dir fd, path, open flags, mode, data, length: open, write all, close; a new file has that very mode */
#define OP_CHECK_DEVICE 204 /* fd, major, minor: ENODEV unless fd is that character device */
#define OP_CHECK_CWD 205    /* none: EXDEV unless the working directory is below our root (CVE-2024-21626) */
#define OP_CHECK_FS 206     /* fd, statfs magic: EXDEV unless fd lies on such a file system */
#define OP_REMOVE_TREE 207  /* dir fd, name: removes name and all beneath it, never following a link; ENOENT is success */
#define OP_SEND_FD 208      /* socket, fd: passes one descriptor */
#define OP_RECV_FD 209      /* socket: takes one descriptor, without waiting: EPIPE when none was sent; result: it */
#define OP_RECORD_EXIT 211  /* dir fd, name, temporary name, memory events file or 0: writes the exit record from the slots, fsync, rename, fsync of dir */
#define OP_RMDIR_CGROUP 212 /* dir fd, path: kills what is left through cgroup.kill where there is one, removes sub-cgroups, rmdir, with patience for EBUSY */
#define OP_FAIL_AT 213      /* errno: fails with it: the tests' hook */
#define OP_DROP_BOUNDING 214 /* capabilities to keep (bit mask): prctl(PR_CAPBSET_DROP) for every other one that the kernel knows */
#define OP_CHECK_DIR 215    /* fd: ENOTDIR unless fd is a directory */
#define OP_UNLINK_LINK 216  /* dir fd, path, target: unlinks path if it is a symbolic link to target; else there is nothing to do */

#define OP_HOLD_SIGNALS 217 /* set: from now on these wait, pending on this thread, whichever they come to; result: which do. Set 0: lets them in */
#define OP_MAKE_DIR 218      /* dir fd, path, mode: mkdirat with that very mode, whatever the umask, which all threads share */
#define OP_PRINT_MODE 219    /* fd, text, byte offset: the mode of what fd is, as four octal digits into the text */

#define OP_EXIT 220         /* status: the end of a child that leaves without executing */
#define OP_CLONE_APART 221  /* as OP_CLONE, but the child has a memory of its own: for one that is seen inside a running container */
#define OP_STORE 222        /* struct, byte offset, value: writes 32 bits into the struct: a descriptor that a later call takes from there */

#define OP_CHECK_SIGNALS 223 /* none: EINTR when a signal that OP_HOLD_SIGNALS holds back has come */
#define OP_RECORD_RUN 224   /* dir fd, path, temporary path, head, pid: writes head and, behind it, the pids and start times of that process
                               and of ourselves: the end of a JSON object; rename */
#define OP_LINK_ROOT 225    /* dir fd, path, pid: a link to that process's root, /proc/PID/root, in the place of what is there */

#define OP_SHARE_MEMORY 226 /* none: a child shares our memory from here on until we have executed, and gives it back in our place, which
                               takes milliseconds; to be reaped with __WCLONE. A success, too, where there can be no child */

#define OP_UNLINK_LINKED 227 /* dir fd, path, target: as OP_UNLINK_LINK, of what the link at path leads to; no link, nothing to do */
#define OP_RECORD_EVENT 228 /* dir fd, path, head, ended, renamed, memory events file or 0: appends a line to path: head and, behind it, the end
                               of a JSON object: if ended is not 0 the exit code in the slot, if it is more than 1 the seconds since that
                               time (CLOCK_REALTIME, ns); if renamed is a descriptor of a link, the last name that it leads to; the time.
                               With a file of memory events only if something was killed. A full file becomes path.1. Never fails: what
                               cannot be written down happens all the same */
#define OP_BIND_AT 229      /* socket, dir fd, name: bind(2) to that name in that directory, however long its path is; mode 0600 */
#define OP_CONNECT_AT 230   /* socket, dir fd, name: connect(2) likewise */
#define OP_SEND_MESSAGE 231 /* socket, struct control, fd, fd, fd: one message of protocol.h with up to three descriptors, -1 for none */

#define OP_OOM_BASE 232     /* count: OOM kills that the memory events file had counted before the run whose end this tape is about. Of the runs
                               after it, this process knows by itself */

#define OP_RECORD_EXEC_END 233 /* dir fd, path, temporary path: writes behind what OP_RECORD_RUN has left at path how that process ended, from
                               the slots; rename. ENOENT when nothing is there: its run is over */
#define OP_RECORD_START 235 /* dir fd, path, temporary path, rest: writes the time, in UTC as RFC 3339 has it, and the rest behind it; rename */
#define OP_CHECK_THAWED 236 /* path: EAGAIN when that file of a cgroup's freezer says that its processes are to stand still; no file, no freezer */
#define OP_CLOSE_OPENED 234 /* fd: close(2), of a slot in which an earlier step may have left a descriptor; 0 to 2 are never ours to close */

/* OP_IN_ROOT */
#define IN_ROOT_DIRECTORY 1   /* must be a directory */
#define IN_ROOT_MAKE_DIR 2    /* missing components and the last are made as directories, 0755 */
#define IN_ROOT_MAKE_FILE 4   /* missing components are made, the last as an empty file, 0644; EISDIR when a directory is there */
#define IN_ROOT_NO_SYMLINKS 8 /* no component may be a link */
#define IN_ROOT_READ 16       /* open for reading (O_RDONLY|O_NONBLOCK|O_NOCTTY) instead of O_PATH */
#define IN_ROOT_REGULAR 32    /* with IN_ROOT_READ: EINVAL unless a regular file */
#define IN_ROOT_NOT_ROOT 64   /* EINVAL when it is the root itself: what is mounted there would be the root of whoever enters later */

#endif
