import { posix } from 'node:path';
import { usageError } from './usage-error.ts';

/** Files of procfs that lxcfs and friends replace, one by one: the same ones runc lets through. */
const replaceableInProc = (): ReadonlySet<string> =>
  new Set([
    '/proc/cpuinfo',
    '/proc/diskstats',
    '/proc/loadavg',
    '/proc/meminfo',
    '/proc/slabinfo',
    '/proc/stat',
    '/proc/swaps',
    '/proc/uptime',
    '/proc/sys/crypto/fips_enabled',
    '/proc/sys/kernel/ns_last_pid',
  ]);

/**
 * A mount's place in the container: absolute, cleaned of `.`, `..` and double slashes.
 *
 * Refused: `/`; /proc and what is below it (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561: the runtime's own writes to
 * procfs must not land elsewhere); /dev itself, because masks and the console rely on a /dev that the runtime made
 * (CVE-2025-31133, CVE-2025-52565). Places below /dev, and /sys and below, are fine, as in Docker.
 * This looks at the text only: links inside the root are the runtime's to stop.
 */
export function parseMountTarget(text: string): string {
  if (text.includes('\0')) throw usageError(`invalid mount path: '${text}' contains a NUL character`);
  if (!text.startsWith('/')) throw usageError(`invalid mount path: '${text}' mount path must be absolute`);
  const target = cleanPath(text);
  if (target === '/') throw usageError("invalid specification: destination can't be '/'");
  if (target === '/dev') {
    throw usageError(
      'invalid mount path: /dev is made by tsrun and cannot be mounted over',
      'mount single devices, such as /dev/fuse',
    );
  }
  if (target === '/proc' || (target.startsWith('/proc/') && !replaceableInProc().has(target))) {
    throw usageError(
      `invalid mount path: '${target}' cannot be mounted because it is inside /proc`,
      `only these can: ${[...replaceableInProc()].join(' ')}`,
    );
  }
  return target;
}

/** `/a//b/./c/../` → `/a/b`. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}
