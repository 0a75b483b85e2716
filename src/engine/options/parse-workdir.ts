import { cleanPath } from './parse-mount-target.ts';
import { usageError } from './usage-error.ts';

/** -w: an absolute path, cleaned. That it is inside the root is checked where it is entered (CVE-2024-21626). */
export function parseWorkdir(text: string): string {
  if (!text.startsWith('/') || text.includes('\0')) {
    throw usageError(`the working directory '${text}' is invalid, it needs to be an absolute path`);
  }
  return cleanPath(text);
}
