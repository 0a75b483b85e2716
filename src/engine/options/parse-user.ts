import { hasControl, usageError } from './usage-error.ts';

/** The two halves of -u. An empty user is root's place (`:group`). */
export interface UserSpec {
  user: string;
  group: string | undefined;
}

/** The largest id that the accounts of a root may use: what containerd and runc take too (CVE-2024-40635: 2^31 wrapped to 0). */
export const MAX_ID = 2 ** 31 - 1;

/** -u: `name`, `uid`, `name:group`, `uid:gid`, … The form only; `lookupUser` finds the numbers. */
export function parseUser(text: string): UserSpec {
  const [user = '', group, ...rest] = text.split(':');
  if (rest.length > 0) throw usageError(`invalid user: '${text}'`, 'write name|uid[:group|gid]');
  for (const half of [user, group ?? '']) checkHalf(half, text);
  return { user, group: group === '' ? undefined : group };
}

/**
 * Digits are an id, whatever accounts are called, and an id out of range is refused here rather than looked up as a name.
 * Names that begin with `+`, `-` or `=` are NIS leftovers or typing errors.
 */
function checkHalf(half: string, text: string): void {
  if (half === '') return;
  if (hasControl(half) || /[\s,]/.test(half) || /^[+=-]/.test(half))
    throw usageError(`invalid user: '${text}'`, 'write name|uid[:group|gid]');
  if (/^[0-9]+$/.test(half) && parseId(half) === undefined)
    throw usageError(`invalid user: '${text}': uids and gids must be in range 0-${MAX_ID}`);
}

/** [0-9]{1,10} up to MAX_ID, else `undefined`: no signs, no blanks, no hexadecimal, no overflow. */
export function parseId(text: string): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}
