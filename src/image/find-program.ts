import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** The first executable file of that name in a `PATH`. Relative directories in it do not count. */
export function lookUp(name: string, path: string): string | undefined {
  for (const directory of path.split(':').filter(isAbsolute)) {
    const found = executable(join(directory, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The path itself when it is a file that may be executed. */
export function executable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}
