import type { Difference } from './view.ts';

/** A difference between what tsrun and runc make of a bundle, and why it is there. */
interface Listed {
  key: RegExp;
  /** What ours and runc's must be; a difference in another direction is not this one. */
  ours?: RegExp;
  theirs?: RegExp;
  only?: RegExp;
  reason: string;
}

const LISTED: readonly Listed[] = [
  {
    key: /^fd 0$/,
    ours: /^\/dev\/null$/,
    theirs: /^pipe:$/,
    reason: 'without -i the command reads the null device, as with Docker; runc hands on its caller’s input',
  },
  {
    key: /^(mount|file-system) \/proc\//,
    ours: /^(\/null rw,relatime|devtmpfs .*)$/,
    theirs: /^(\/null rw,nosuid|tmpfs tmpfs rw,size=65536k,mode=755)$/,
    reason: 'a file is hidden by the host’s null device; runc takes the one of the container’s /dev (CVE-2025-31133)',
  },
  {
    key: /^file-system \/(proc|sys)\//,
    ours: /^tmpfs tmpfs ro,size=4k,nr_inodes=1$/,
    theirs: /^tmpfs tmpfs ro$/,
    reason: 'a directory is hidden by a tmpfs that could not hold anything either',
  },
  {
    key: /^file-system \/sys\/fs\/cgroup\/systemd$/,
    ours: /^cgroup cgroup /,
    theirs: /^cgroup systemd /,
    reason: 'only the name of the source, which nothing reads',
  },
  {
    key: /^cgroup $/,
    only: /^changed-fewer-namespaces$/,
    ours: /^\/tsrun-/,
    theirs: /^\/$/,
    reason: 'runc does not enter the unified hierarchy of a hybrid machine; here it had to be unmounted for it',
  },
  {
    key: /^file-system \/t$/,
    only: /^changed-a-mount/,
    ours: / ro,/,
    theirs: / rw,/,
    reason: 'ro: runc makes only the mount read-only, after the file system was mounted; ours are both',
  },
  {
    key: /^mount \/sys\/fs\/cgroup$/,
    ours: /^\/ ro,/,
    theirs: /^\/ rw,/,
    reason: 'the configuration says ro; runc 1.1.5 forgets it for the tmpfs of version 1',
  },
  {
    key: /^file-system \/w$/,
    only: /^tmpfs-over$/,
    ours: /^tmpfs tmpfs rw,mode=750$/,
    theirs: /^tmpfs tmpfs rw$/,
    reason: 'the mode of the directory beneath: runc 1.1.5 sets it once the tmpfs is mounted',
  },
  {
    key: /^mount \/$/,
    only: /^shared$/,
    ours: / shared:N$/,
    theirs: /^\/ rw,relatime$/,
    reason: 'rootfsPropagation is of the container’s root; runc 1.1.5 sets it when that is not yet there',
  },
];

const fits = (name: string, { key, ours = '', theirs = '' }: Difference, listed: Listed): boolean =>
  listed.key.test(key) &&
  (listed.only?.test(name) ?? true) &&
  (listed.ours?.test(ours) ?? true) &&
  (listed.theirs?.test(theirs) ?? true);

/** The differences that are not listed. */
export function told(name: string, found: readonly Difference[]): string {
  return found
    .filter((one) => !LISTED.some((listed) => fits(name, one, listed)))
    .map(({ key, ours, theirs }) => `${key}\n  tsrun: ${ours}\n  runc:  ${theirs}`)
    .join('\n');
}
