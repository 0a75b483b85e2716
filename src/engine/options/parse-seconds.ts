import { usageError } from './usage-error.ts';

/** How long to wait for the end of a container: `10`; `-1` is for ever. */
export function parseSeconds(text: string): number {
  if (!/^(-1|[0-9]{1,9})$/.test(text)) throw usageError(`invalid number of seconds: ${text}`);
  return Number(text);
}
