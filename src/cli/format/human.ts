import { formatFloat } from './template/float.ts';
import { goQuote } from './template/quote.ts';
import { runeWidth } from './text-width.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const DECIMAL_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'] as const;
const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'] as const;

/** From which number of hours docker counts in which unit, and the unit in hours. */
const LONG_UNITS = [
  { below: 48, hours: 1, name: 'hours' },
  { below: 24 * 7 * 2, hours: 24, name: 'days' },
  { below: 24 * 30 * 2, hours: 24 * 7, name: 'weeks' },
  { below: 24 * 365 * 2, hours: 24 * 30, name: 'months' },
] as const;

/** `Less than a second`, `12 seconds`, `About a minute`, `3 weeks`: a span of milliseconds as docker words it. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / SECOND);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  const minutes = Math.trunc(ms / MINUTE);
  if (minutes < 60) return minutes === 1 ? 'About a minute' : `${minutes} minutes`;
  // Hours are rounded, all other units cut, and years count whole hours.
  const hours = Math.trunc(ms / HOUR + 0.5);
  if (hours === 1) return 'About an hour';
  const unit = LONG_UNITS.find((candidate) => hours < candidate.below);
  if (unit !== undefined) return `${Math.trunc(hours / unit.hours)} ${unit.name}`;
  return `${Math.trunc(Math.trunc(ms / HOUR) / 24 / 365)} years`;
}

/** Bytes in units of 1000 (`12.3MB`), with the 3 digits of `docker ps` and `docker images`. */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, DECIMAL_UNITS, digits);
}

/** Bytes in units of 1024 (`1.953GiB`), with the 4 digits of `docker stats` and `docker info`. */
export function bytesSize(bytes: number, digits = 4): string {
  return scaled(bytes, 1024, BINARY_UNITS, digits);
}

/** The unit is chosen before rounding, so 999999 bytes are docker's `1e+03kB`. */
function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let size = bytes;
  let unit = 0;
  for (; size >= base && unit < units.length - 1; unit++) size /= base;
  return formatFloat(size, 'g', digits) + units[unit];
}

/** Cuts to `width` columns with `…` as the last one; East Asian wide characters take two, all others one, as docker counts here. */
export function ellipsis(text: string, width: number): string {
  if (width <= 0) return '';
  const runes = Array.from(text);
  if (width === 1) return runes[0] ?? '';
  let used = 0;
  const ends = runes.map((rune) => (used += Math.max(1, runeWidth(rune))));
  if (used <= width) return text;
  return `${runes.filter((_rune, index) => (ends[index] ?? used) <= width - 1).join('')}…`;
}

/** A command as `docker ps` shows it: quoted like a Go string, cut to 20 columns first unless `truncate` is false. */
export function commandCell(command: string, truncate = true): string {
  return goQuote(truncate ? ellipsis(command, 20) : command);
}
