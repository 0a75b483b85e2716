import { TsrunError } from '../errors/tsrun-error.ts';
import { DEFAULT_LOG, isLogDriver } from './options/parse-log.ts';
import { NO_RESTART } from './options/parse-restart.ts';
import type { LogOptions, RunOptions } from './run-options.ts';

/** RunOptions as JSON can hold them: the one Map as pairs. */
export function packOptions(options: RunOptions): unknown {
  return { ...options, labels: [...options.labels] };
}

const LISTS = ['env', 'mounts', 'extraHosts', 'labels', 'capAdd', 'capDrop', 'ulimits'] as const;
const DNS_LISTS = ['servers', 'search', 'options'] as const;

/** The other way. The record is ours, written by packOptions: only that its lists are lists is looked at. @throws TsrunError 'config' */
export function unpackOptions(saved: unknown): RunOptions {
  const options = saved as Omit<RunOptions, 'labels'> & { labels: [string, string][] };
  const { restart = NO_RESTART, log = DEFAULT_LOG, health } = options; // which a record that was written earlier does not have
  const whole =
    typeof restart?.name === 'string' &&
    isLog(log) &&
    (health === undefined || Array.isArray(health?.test)) &&
    LISTS.every((name) => Array.isArray(options[name])) &&
    DNS_LISTS.every((name) => Array.isArray(options.dns?.[name]));
  if (!whole)
    throw new TsrunError('config', 'the options in its record are damaged', {
      hint: 'the container can still be removed: tsrun rm -f ID',
    });
  return { ...options, restart, log, labels: new Map(options.labels) };
}

function isLog({ driver, options }: LogOptions): boolean {
  return isLogDriver(driver) && typeof options === 'object' && options !== null;
}
