import type { LogOptions } from '../run-options.ts';
import { parseSize } from './parse-size.ts';
import { usageError } from './usage-error.ts';

/** What is kept of a container's output, at most. */
export interface LogSettings {
  /** Bytes of one file. */
  maxSize: number;
  /** The current one counts; 0: there is no log. */
  maxFiles: number;
}

/** `local` is the same log by another name, with the defaults that it has in Docker. */
const DEFAULTS: Readonly<Record<LogOptions['driver'], LogSettings>> = {
  'json-file': { maxSize: 10_000_000, maxFiles: 3 },
  local: { maxSize: 20_000_000, maxFiles: 5 },
  none: { maxSize: 0, maxFiles: 0 },
};
const KNOWN = ['max-size', 'max-file'];
/** Each is a rename whenever the log is rotated. */
const MOST_FILES = 1000;

export const isLogDriver = (text: unknown): text is LogOptions['driver'] =>
  typeof text === 'string' && Object.hasOwn(DEFAULTS, text);

export const DEFAULT_LOG: LogOptions = { driver: 'json-file', options: {} };

/** --log-driver. @throws TsrunError 'usage' */
export function parseLogDriver(text: string): LogOptions['driver'] {
  if (isLogDriver(text)) return text;
  throw usageError(
    `logger: no log driver named '${text}' is registered`,
    `there are ${Object.keys(DEFAULTS).join(', ')}`,
  );
}

/** --log-opt: `max-size=10m`. @throws TsrunError 'usage' */
export function parseLogOption(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** Docker's rules, with its words. @throws TsrunError 'usage' */
export function checkLog({ driver, options }: LogOptions): LogOptions {
  const log = { driver: parseLogDriver(driver), options: { ...options } };
  const names = Object.keys(log.options);
  if (driver === 'none' && names.length > 0) throw usageError('invalid logging opts for driver none');
  const unknown = names.find((name) => !KNOWN.includes(name));
  if (unknown !== undefined)
    throw usageError(`unknown log opt '${unknown}' for ${driver} log driver`, `there are ${KNOWN.join(' and ')}`);
  logSettings(log);
  return log;
}

/** @throws TsrunError 'usage' */
export function logSettings({ driver, options }: LogOptions): LogSettings {
  const defaults = DEFAULTS[driver];
  const { 'max-size': size, 'max-file': files } = options;
  return {
    maxSize: size === undefined ? defaults.maxSize : sizeOf(size),
    maxFiles: files === undefined ? defaults.maxFiles : countOf(files),
  };
}

/** A log's sizes are powers of 1000 in Docker, others of 1024. */
function sizeOf(text: string): number {
  const size = parseSize(text, 1000);
  if (size <= 0) throw usageError('max-size must be a positive number');
  return size;
}

function countOf(text: string): number {
  if (!/^[-+]?[0-9]{1,15}$/.test(text)) throw usageError(`max-file must be an integer: '${text}'`);
  const count = Number(text);
  if (count < 1) throw usageError('max-file cannot be less than 1');
  if (count > MOST_FILES) throw usageError(`max-file cannot be more than ${MOST_FILES}`);
  return count;
}
