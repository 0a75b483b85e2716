import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const MAX_INCLUDES = 8; // deeper than any real one; ends files that include themselves

/** The directories of ldconfig(8)'s configuration, in order. A file that is not there has none (musl, Alpine). */
export function readLoaderConfig(file: string, depth = 0): string[] {
  const text = depth > MAX_INCLUDES ? '' : readIfThere(file);
  return text.split('\n').flatMap((line) => {
    const words = line
      .replace(/#.*/, '')
      .split(/[\s:,]+/)
      .filter((word) => word !== '');
    if (words[0] === 'hwcap') return [];
    if (words[0] === 'include') return words.slice(1).flatMap((glob) => included(resolve(dirname(file), glob), depth));
    // `directory=type` is the old way to say which libc it is for.
    return words.map((word) => word.replace(/=.*/, '')).filter((word) => word.startsWith('/'));
  });
}

function included(glob: string, depth: number): string[] {
  const directory = dirname(glob);
  const pattern = basename(glob)
    .replace(/[.+^${}()|\\[\]]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return namesIn(directory)
    .filter((name) => new RegExp(`^${pattern}$`).test(name))
    .sort()
    .flatMap((name) => readLoaderConfig(join(directory, name), depth + 1));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
