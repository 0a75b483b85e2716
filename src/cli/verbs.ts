import type { Command } from 'commander';
import type { Mentioned } from './sparing.ts';

/** Makes a verb, with the options that are mentioned; `whole` makes the whole program, for who has to know all of it. */
export type MakeVerb = (mentioned: Mentioned | undefined, whole: () => Promise<Command>) => Command | Promise<Command>;

/** What only another verb needs is not even evaluated: every start pays for what it loads. (In a bundle
 * of one verb this table is another: bin/esbuild-plugins.mjs.) */
export const VERBS: Record<string, MakeVerb> = {
  run: async (mentioned) => (await import('./run.ts')).runCommand(mentioned),
  exec: async (mentioned) => (await import('./exec.ts')).execCommand(mentioned),
  start: async () => (await import('./start.ts')).startCommand(),
  ps: async () => (await import('./ps.ts')).psCommand(),
  inspect: async () => (await import('./inspect.ts')).inspectCommand(),
  diff: async () => (await import('./diff.ts')).diffCommand(),
  rm: async () => (await import('./rm.ts')).rmCommand(),
  version: async () => (await import('./version.ts')).versionCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
  rootfs: async () => (await import('./rootfs.ts')).rootfsCommand(),
  completion: async (_mentioned, whole) => (await import('./completion.ts')).completionCommand(whole),
};
