import { rmSync, writeFileSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { fileError } from '../store/files.ts';

/** --cidfile: never over another container's. @returns what was written */
export function writeIdFile(path: string | undefined, id: string, goal: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    writeFileSync(path, id, { flag: 'wx', mode: 0o644 });
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError(goal, error);
    const message = `${goal}: container ID file found, make sure the other container isn't running or delete ${path}`;
    throw new TsrunError('conflict', message, { code: 'EEXIST' });
  }
}

/** What could not be made or started has none. @param written what writeIdFile returned */
export function removeIdFile(written: string | undefined): void {
  if (written !== undefined) rmSync(written, { force: true });
}
