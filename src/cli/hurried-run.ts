import { hurry } from './hurry.ts';
import { run } from './run.ts';
import { RUN_FLAGS, type RunFlags } from './run-flags.ts';

export const understood = hurry<RunFlags>(process.argv.slice(3), RUN_FLAGS, 1, ([rootfs = '', ...command], flags) =>
  run(rootfs, command, flags),
);
