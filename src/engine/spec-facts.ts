import type { Device, Seccomp } from '../spec/oci.ts';
import type { UserIdentity } from './lookup-user.ts';

/** What `toSpec` needs to know of the world and must not look up itself. */
export interface SpecFacts {
  /** 64 hex digits. */
  id: string;
  /** The name without --hostname: the short id. */
  hostname: string;
  /** For `root.path`: `rootfs` in a bundle, or absolute. */
  rootPath: string;
  user: UserIdentity;
  /** Absolute paths on the host of the files that are bound over those of the root. */
  hostFiles: { hosts: string; hostname: string; resolvConf: string };
  /** The bounding set of this process. */
  availableCapabilities: bigint;
  /** `/tsrun/<id>` */
  cgroupsPath: string;
  /** Absent when the root is used as it is. */
  overlay?: OverlayFacts;
  /** Limits of this process by OCI name (`RLIMIT_NOFILE`); Infinity = unlimited. Without CAP_SYS_RESOURCE no --ulimit goes above. */
  hostRlimits?: ReadonlyMap<string, { soft: number; hard: number }>;
  /** For --privileged: the host's devices, which Docker makes in the container's /dev. */
  hostDevices?: Device[];
  /** The filter for containers that are not privileged. */
  seccomp?: Seccomp;
}

export interface OverlayFacts {
  /** What the paths are relative to. */
  base: string;
  /** Top first, as in lowerdir=. */
  lowerDirs: string[];
  upperDir: string;
  workDir: string;
  /** Nothing of it has to reach the disk. */
  volatile: boolean;
}
