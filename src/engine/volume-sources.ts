import { statSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { fileError, makeDirectories } from '../store/files.ts';
import type { RunOptions } from './run-options.ts';

/** `-v` makes a missing source directory on the host, `--mount` objects: Docker's rules. */
export function makeVolumeSources(goal: string, options: RunOptions): void {
  for (const mount of options.mounts) {
    if (mount.type !== 'bind') continue;
    const there = statSync(mount.source, { throwIfNoEntry: false });
    if (there) continue;
    if (!mount.createSource) {
      throw new TsrunError(
        'not-found',
        `${goal}: invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
        { code: 'ENOENT', hint: 'make it, or use -v, which makes a missing directory' },
      );
    }
    try {
      makeDirectories(mount.source, 0o755);
    } catch (error) {
      throw fileError(goal, error);
    }
  }
}
