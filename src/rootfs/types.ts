/** The overlay that becomes the container's root. */
export interface Overlay {
  /** Where to stand while mounting: paths below are relative to it, so that no odd character of a host path reaches the option string. */
  base: string;
  /** Topmost first, relative to base. */
  lowerDirs: readonly string[];
  upperDir: string;
  workDir: string;
  /** What is written goes with the container (--rm): nobody waits until it is on the disk, neither fsync(2) nor the unmounting. */
  volatile: boolean;
}

/** What the plan must know of the host: a mount's source is a directory or a file. Unknown sources fail as the kernel says. */
export type SourceKind = (path: string) => 'directory' | 'file' | 'missing';
