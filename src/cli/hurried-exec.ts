import { exec } from './exec.ts';
import { EXEC_FLAGS, type ExecFlags } from './exec-flags.ts';
import { hurry } from './hurry.ts';

export const understood = hurry<ExecFlags>(
  process.argv.slice(3),
  EXEC_FLAGS,
  2,
  ([container = '', ...command], flags) => exec(container, command, flags),
);
