/** What a reader can do about a failure: the one table, keyed by call and errno; the last column narrows by the call's text. */
interface Hint {
  call: string;
  code: string;
  when?: RegExp;
  hint: string;
}

// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a table, which is a function so that nobody makes it who needs no hint
const hints = (): readonly Hint[] => [
  {
    call: 'exec',
    code: 'ENOENT',
    hint: 'the command is not in the container, or the interpreter that its first line or ELF header names is not; look at the root with `tsrun run --rm ROOTFS ls /bin`',
  },
  { call: 'exec', code: 'EACCES', hint: 'the file is not executable, is a directory, or lies on a mount with noexec' },
  { call: 'exec', code: 'ENOTDIR', hint: 'a part of this path is a file inside the container, not a directory' },
  {
    call: 'exec',
    code: 'ENOEXEC',
    hint: 'the file is no program for this machine: another architecture, or a script without a #! line',
  },
  {
    call: 'exec',
    code: 'E2BIG',
    hint: 'arguments and environment together are larger than the kernel takes (see execve(2)); pass fewer or shorter ones',
  },
  {
    call: 'chdir',
    code: 'ENOENT',
    when: /^(?!.*overlay2"\)$)/,
    hint: 'the container has no such directory; name another with -w',
  },
  { call: 'chdir', code: 'ENOTDIR', hint: 'inside the container this is no directory; name another with -w' },
  { call: 'fcntl', code: 'EINVAL', when: /F_DUPFD/, hint: 'too few descriptors are allowed: see `ulimit -n`' },
  { call: 'clone', code: 'EPERM', hint: 'run as root: namespaces need CAP_SYS_ADMIN' },
  { call: 'clone', code: 'ENOSPC', hint: 'too many namespaces: see /proc/sys/user/max_*_namespaces' },
  { call: 'clone', code: 'EAGAIN', hint: 'too many processes: see `ulimit -u` and the pids cgroup' },
  {
    call: 'mount',
    code: 'ENODEV',
    when: /"overlay"/,
    hint: 'this kernel has no overlayfs: `modprobe overlay`, or build it with CONFIG_OVERLAY_FS',
  },
  {
    call: 'mount',
    code: 'EINVAL',
    when: /"overlay"/,
    hint: 'the file system of the data root cannot hold the upper directory of an overlay (it may be an overlay, NFS or FAT itself); use --data-root on ext4, xfs, btrfs or tmpfs',
  },
  {
    call: 'mount',
    code: 'ELOOP',
    when: /"overlay"/,
    hint: 'the lower and upper directories lie inside each other; use --data-root outside the root directory',
  },
  {
    call: 'mount',
    code: 'ESTALE',
    when: /"overlay"/,
    hint: 'the upper or work directory was used with other lower directories before',
  },
  {
    call: 'mount',
    code: 'EBUSY',
    when: /"overlay"/,
    hint: 'another mount uses this upper or work directory: is the container running?',
  },
  { call: 'mount', code: 'ENOENT', hint: 'the source of the mount does not exist on the host' },
  { call: 'mount', code: 'ENOTDIR', hint: 'one side of the mount is a directory and the other is a file' },
  { call: 'open_tree', code: 'ENOENT', hint: 'the source of the mount does not exist on the host' },
  { call: 'move_mount', code: 'EINVAL', hint: 'one side of the mount is a directory and the other is a file' },
  { call: 'move_mount', code: 'ENOSPC', hint: 'too many mounts: see /proc/sys/fs/mount-max' },
  { call: 'mount', code: 'EPERM', hint: 'mounting needs root with CAP_SYS_ADMIN' },
  { call: 'mount', code: 'ENOSPC', hint: 'too many mounts: see /proc/sys/fs/mount-max' },
  {
    call: 'in_root',
    code: 'ELOOP',
    hint: 'a link on this path inside the root directory leads out of it, or in a circle, or is not allowed there',
  },
  { call: 'in_root', code: 'ENOTDIR', hint: 'a component of this path inside the root directory is not a directory' },
  {
    call: 'in_root',
    code: 'EISDIR',
    hint: 'what is to be mounted is a file, and inside the root directory this is a directory',
  },
  {
    call: 'in_root',
    code: 'ENOENT',
    when: /MAKE_/,
    hint: 'a link on this path inside the root directory leads to where nothing is; make its target, or name it',
  },
  { call: 'in_root', code: 'EINVAL', when: /NOT_ROOT/, hint: 'a volume cannot be mounted on the root itself' },
  { call: 'in_root', code: 'ENOSYS', hint: 'openat2 needs Linux 5.6' },
  { call: 'check_device', code: 'ENODEV', hint: 'the file is not the device it should be; refusing to use it' },
  { call: 'check_dir', code: 'ENOTDIR', hint: 'inside the root directory this must be a real directory' },
  { call: 'check_cwd', code: 'EXDEV', hint: 'the working directory lies outside the container' },
  { call: 'make_dir', code: 'ENOSPC', hint: 'the file system of the data root is full' },
  {
    call: 'make_dir',
    code: 'EROFS',
    when: /\/tsrun-[0-9a-f]{64}"/,
    hint: 'the cgroup file system is mounted read-only here, as it is inside a container; run tsrun on the host, or remount it: mount -o remount,rw on the directory above',
  },
  {
    call: 'make_dir',
    code: 'EROFS',
    hint: 'that file system is read-only: use --data-root, or TSRUN_RUN for what is known of a run',
  },
  {
    call: 'write_file',
    code: 'ENOSPC',
    when: /\/(overlay2|containers)\//,
    hint: 'the file system of the data root is full',
  },
  {
    call: 'prlimit64',
    code: 'EPERM',
    hint: 'raising a limit above the hard limit needs CAP_SYS_RESOURCE, which this process does not have',
  },
  {
    call: 'write_file',
    code: 'EACCES',
    when: /oom_score_adj/,
    hint: 'a score below the one that was set for this session needs CAP_SYS_RESOURCE, which this process does not have',
  },
  {
    call: 'write_file',
    code: 'ENOENT',
    when: /^write_file\(settings,/,
    hint: 'this kernel has no such setting',
  },
  {
    call: 'memfd_create',
    code: 'EACCES',
    hint: 'vm.memfd_noexec = 2 forbids programs in memory, which exec and --init need: `sysctl vm.memfd_noexec=1`',
  },
  {
    call: 'remove_tree',
    code: 'EPERM',
    hint: 'a file in it is immutable or append-only: see `lsattr -R`, and `chattr -R -i -a` on it; then say it again',
  },
  { call: 'remove_tree', code: 'EBUSY', hint: 'something is mounted in it: see /proc/self/mountinfo' },
  { call: 'setns', code: 'ESRCH', hint: 'the container has ended' },
];

export function hintFor(call: string, code: string, rendered: string): string | undefined {
  return hints().find(
    (row) => row.call === call && row.code === code && (row.when === undefined || row.when.test(rendered)),
  )?.hint;
}
