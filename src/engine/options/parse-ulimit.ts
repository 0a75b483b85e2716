import type { Ulimit } from '../run-options.ts';
import { usageError } from './usage-error.ts';

/** Docker's names. RLIMIT_AS is missing on purpose there: it would stop the runtime before the container. */
export const ULIMIT_NAMES = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
] as const;

/** --ulimit: `nofile=1024:2048`, `nofile=1024` for both, -1 = unlimited. */
export function parseUlimit(text: string): Ulimit {
  const at = text.indexOf('=');
  if (at < 0) throw usageError(`invalid ulimit argument: ${text}`, 'write name=soft:hard, such as nofile=1024:2048');
  const name = text.slice(0, at);
  if (!(ULIMIT_NAMES as readonly string[]).includes(name)) {
    throw usageError(`invalid ulimit type: ${name}`, `the types are ${ULIMIT_NAMES.join(' ')}`);
  }
  const limits = text.slice(at + 1).split(':');
  if (limits.length > 2) {
    throw usageError(
      `too many limit value arguments - ${text.slice(at + 1)}, can only have up to two, \`soft[:hard]\``,
    );
  }
  const [soft = 0, hard = soft] = limits.map((limit) => parseLimit(limit, text));
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    const problem = soft === -1 ? `soft: -1 (unlimited), hard: ${hard}` : `${soft} > ${hard}`;
    throw usageError(`ulimit soft limit must be less than or equal to hard limit: ${problem}`);
  }
  return { name, soft, hard };
}

function parseLimit(text: string, whole: string): number {
  const value = /^(-1|[0-9]{1,16})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw usageError(`invalid ulimit argument: ${whole}`, 'a limit is a number, or -1 for unlimited');
  return value;
}
