import { usageError } from './usage-error.ts';

const POWER: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * A size in bytes: `64m`, `1.5g`, `10 KiB`, `100b`. Units are powers of 1024, unless said, and may end in `b` or `ib`.
 * Unlike Docker, no exponents (`1e3`): Go's number parser lets them through there.
 */
export function parseSize(text: string, power = 1024): number {
  const match = /^([0-9]+\.?[0-9]*|\.[0-9]+) ?([a-z]*)$/i.exec(text);
  if (match === null)
    throw usageError(`invalid size: '${text}'`, 'a size is a number with a unit, such as 64m or 1.5g');
  const [, number = '', suffix = ''] = match;
  const unit = /^(?:b?|([kmgtp])(?:i?b)?)$/i.exec(suffix);
  if (unit === null) throw usageError(`invalid suffix: '${suffix}'`, 'the units are b, k, m, g, t and p');
  const bytes = Math.floor(Number(number) * power ** (POWER[(unit[1] ?? '').toLowerCase()] ?? 0));
  if (!Number.isSafeInteger(bytes)) throw usageError(`invalid size: '${text}' is too large`);
  return bytes;
}
