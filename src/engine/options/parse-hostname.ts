import { usageError } from './usage-error.ts';

/** sethostname(2): HOST_NAME_MAX. */
const MAX_LENGTH = 64;

/**
 * --hostname: letters, digits, `-`, `_` and dots. Docker takes anything and lets the kernel object; the name goes into
 * /etc/hostname and the environment too, so that a line break has no business here.
 */
export function parseHostname(text: string): string {
  if (!/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(text)) throw usageError(`invalid hostname format: ${text}`);
  if (text.length > MAX_LENGTH) throw usageError(`invalid hostname format: longer than ${MAX_LENGTH} characters`);
  return text;
}
