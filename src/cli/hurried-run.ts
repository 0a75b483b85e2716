import { RUN_ONLY_FLAGS } from './client-flags.ts';
import { hurry } from './hurry.ts';
import { type AllRunFlags, run } from './run.ts';
import { RUN_FLAGS } from './run-flags.ts';

const FLAGS = [...RUN_FLAGS, ...RUN_ONLY_FLAGS];

export const understood = hurry<AllRunFlags>(process.argv.slice(3), FLAGS, 1, ([rootfs = '', ...command], flags) =>
  run(rootfs, command, flags),
);
