import { TsrunError } from '../errors/tsrun-error.ts';
import { MS } from '../kernel/constants.ts';
import type { Mount } from '../spec/oci.ts';

/** What fstab(5)-like options mean to mount(2). */
export interface MountOptions {
  /** MS_* of the mount itself. */
  flags: number;
  /** MS_PRIVATE, MS_SLAVE, … with MS_REC; 0 = leave it. */
  propagation: number;
  bind: boolean;
  recursive: boolean;
  /** Read-only with everything mounted below it (mount_setattr, Linux 5.12). */
  recursiveReadonly: boolean;
  /** What is left: for the file system itself. */
  data: string;
}

const SET: Record<string, number> = {
  ro: MS.MS_RDONLY,
  nosuid: MS.MS_NOSUID,
  nodev: MS.MS_NODEV,
  noexec: MS.MS_NOEXEC,
  sync: MS.MS_SYNCHRONOUS,
  dirsync: MS.MS_DIRSYNC,
  mand: MS.MS_MANDLOCK,
  noatime: MS.MS_NOATIME,
  nodiratime: MS.MS_NODIRATIME,
  relatime: MS.MS_RELATIME,
  strictatime: MS.MS_STRICTATIME,
  nosymfollow: MS.MS_NOSYMFOLLOW,
  silent: MS.MS_SILENT,
};
const CLEAR: Record<string, number> = {
  rw: MS.MS_RDONLY,
  suid: MS.MS_NOSUID,
  dev: MS.MS_NODEV,
  exec: MS.MS_NOEXEC,
  async: MS.MS_SYNCHRONOUS,
  nomand: MS.MS_MANDLOCK,
  atime: MS.MS_NOATIME,
  diratime: MS.MS_NODIRATIME,
  norelatime: MS.MS_RELATIME,
  nostrictatime: MS.MS_STRICTATIME,
  symfollow: MS.MS_NOSYMFOLLOW,
  loud: MS.MS_SILENT,
  defaults: 0,
};
export const PROPAGATION: Record<string, number> = {
  private: MS.MS_PRIVATE,
  rprivate: MS.MS_PRIVATE | MS.MS_REC,
  shared: MS.MS_SHARED,
  rshared: MS.MS_SHARED | MS.MS_REC,
  slave: MS.MS_SLAVE,
  rslave: MS.MS_SLAVE | MS.MS_REC,
  unbindable: MS.MS_UNBINDABLE,
  runbindable: MS.MS_UNBINDABLE | MS.MS_REC,
};
/** Options that runc knows and we do not: better an error than a mount that is not what was asked for. */
const UNKNOWN_TO_US = new Set([
  'idmap',
  'ridmap',
  'tmpcopyup',
  'rnosuid',
  'rnodev',
  'rnoexec',
  'rnoatime',
  'rstrictatime',
]);

export function parseMountOptions(mount: Mount): MountOptions {
  const result: MountOptions = {
    flags: 0,
    propagation: 0,
    bind: mount.type === 'bind',
    recursive: false,
    recursiveReadonly: false,
    data: '',
  };
  const data: string[] = [];
  for (const option of mount.options ?? []) {
    if (UNKNOWN_TO_US.has(option))
      throw new TsrunError('unsupported', `mount ${mount.destination}: option ${option} is not supported`);
    if (option === 'bind' || option === 'rbind') {
      result.bind = true;
      result.recursive = option === 'rbind';
    } else if (option === 'rro') {
      result.recursiveReadonly = true;
    } else if (Object.hasOwn(PROPAGATION, option)) result.propagation |= PROPAGATION[option]!;
    else if (Object.hasOwn(SET, option)) result.flags |= SET[option]!;
    else if (Object.hasOwn(CLEAR, option)) result.flags &= ~CLEAR[option]!;
    else data.push(option);
  }
  result.data = data.join(',');
  return result;
}
