import { checkHealth } from '../engine/options/check-health.ts';
import { parseDuration } from '../engine/options/parse-duration.ts';
import { usageError } from '../engine/options/usage-error.ts';
import type { HealthCheck } from '../engine/run-options.ts';
import { readFlag } from './flag-values.ts';
import type { Flag } from './flags.ts';

/** What is read of HEALTH_FLAGS. */
export interface HealthFlags {
  healthCmd?: string;
  healthInterval?: string;
  healthRetries?: string;
  healthStartInterval?: string;
  healthStartPeriod?: string;
  healthTimeout?: string;
  noHealthcheck?: boolean;
}

export const HEALTH_FLAGS: readonly Flag[] = [
  ['--health-cmd <command>', 'a shell command in the container that fails when it is not well'],
  ['--health-interval <duration>', 'how long after one check the next begins (default: 30s)'],
  ['--health-retries <number>', 'so many failures in a row are unhealthy (default: 3)'],
  ['--health-start-interval <duration>', 'the interval during the start period (default: 5s)'],
  ['--health-start-period <duration>', 'failures do not count for so long after the start'],
  ['--health-timeout <duration>', 'a check that takes longer has failed (default: 30s)'],
];
export const NO_HEALTHCHECK: Flag = ['--no-healthcheck', 'check nothing'];
const KEYS = [
  'healthCmd',
  'healthInterval',
  'healthRetries',
  'healthStartInterval',
  'healthStartPeriod',
  'healthTimeout',
] as const;

/** undefined: nothing was said of it. @throws TsrunError 'usage' */
export function readHealthFlags(flags: HealthFlags): HealthCheck | undefined {
  const none = flags.noHealthcheck === true;
  if (!none && KEYS.every((key) => flags[key] === undefined)) return undefined;
  const health: HealthCheck = {
    test: flags.healthCmd ? ['CMD-SHELL', flags.healthCmd] : [],
    interval: readTime('--health-interval', flags.healthInterval),
    timeout: readTime('--health-timeout', flags.healthTimeout),
    startPeriod: readTime('--health-start-period', flags.healthStartPeriod),
    startInterval: readTime('--health-start-interval', flags.healthStartInterval),
    retries: readCount('--health-retries', flags.healthRetries),
  };
  const { test, ...numbers } = health;
  const said = test.length > 0 || Object.values(numbers).some((value) => value !== 0);
  if (none && said) throw usageError('--no-healthcheck conflicts with --health-* options');
  if (none) return { ...health, test: ['NONE'] };
  return said ? checkHealth(health) : undefined;
}

function readTime(flag: string, text: string | undefined): number {
  const ns = text === undefined ? 0n : readFlag(flag, text, parseDuration);
  if (ns < 0n) throw usageError(`${flag} cannot be negative`);
  return Number(ns);
}

function readCount(flag: string, text: string | undefined): number {
  const count = text === undefined ? 0 : readFlag(flag, text, parseCount);
  if (count < 0) throw usageError(`${flag} cannot be negative`);
  return count;
}

function parseCount(text: string): number {
  if (!/^[-+]?[0-9]{1,15}$/.test(text)) throw usageError(`${JSON.stringify(text)} is no number`);
  return Number(text);
}
