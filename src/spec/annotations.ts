/** The names of tsrun's own annotations in config.json. Never taken from labels or an image's config. */
export const ANNOTATIONS = {
  /** The directory that the paths are relative to. */
  base: 'dev.tsrun.overlay.base',
  /** JSON array of paths. */
  lowerDirs: 'dev.tsrun.overlay.lowerdirs',
  upperDir: 'dev.tsrun.overlay.upperdir',
  workDir: 'dev.tsrun.overlay.workdir',
  /** `true`: what is written there need not reach the disk. */
  volatile: 'dev.tsrun.overlay.volatile',
  /** `true`: put the reaper first. */
  init: 'dev.tsrun.init',
  /** A number. */
  stopSignal: 'dev.tsrun.stop-signal',
} as const;
