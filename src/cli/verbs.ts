import type { Command } from 'commander';

/** Makes a verb; `whole` makes the whole program, for who has to know all of it. */
export type MakeVerb = (whole: () => Promise<Command>) => Promise<Command>;

/** What only another verb needs is not even evaluated: every start pays for what it loads. */
export const VERBS: Record<string, MakeVerb> = {
  run: async () => (await import('./run-command.ts')).runCommand(),
  exec: async () => (await import('./exec-command.ts')).execCommand(),
  create: async () => (await import('./create.ts')).createCommand(),
  start: async () => (await import('./start.ts')).startCommand(),
  attach: async () => (await import('./attach.ts')).attachCommand(),
  wait: async () => (await import('./wait.ts')).waitCommand(),
  ps: async () => (await import('./ps.ts')).psCommand(),
  inspect: async () => (await import('./inspect.ts')).inspectCommand(),
  logs: async () => (await import('./logs.ts')).logsCommand(),
  diff: async () => (await import('./diff.ts')).diffCommand(),
  stop: async () => (await import('./stop-command.ts')).stopCommand(),
  restart: async () => (await import('./restart.ts')).restartCommand(),
  kill: async () => (await import('./kill.ts')).killCommand(),
  pause: async () => (await import('./pause.ts')).pauseCommand(),
  unpause: async () => (await import('./pause.ts')).unpauseCommand(),
  top: async () => (await import('./top.ts')).topCommand(),
  stats: async () => (await import('./stats.ts')).statsCommand(),
  events: async () => (await import('./events.ts')).eventsCommand(),
  rename: async () => (await import('./rename.ts')).renameCommand(),
  rm: async () => (await import('./rm-command.ts')).rmCommand(),
  container: async () => (await import('./container.ts')).containerCommand(),
  version: async () => (await import('./version.ts')).versionCommand(),
  system: async () => (await import('./system.ts')).systemCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
  rootfs: async () => (await import('./rootfs.ts')).rootfsCommand(),
  completion: async (whole) => (await import('./completion.ts')).completionCommand(whole),
};
