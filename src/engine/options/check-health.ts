import type { HealthCheck } from '../run-options.ts';
import { usageError } from './usage-error.ts';

/** Docker's: what would be asked more often would be asked all the time. */
const LEAST_NS = 1_000_000;
const TIMES = [
  ['interval', 'Interval'],
  ['timeout', 'Timeout'],
  ['startPeriod', 'StartPeriod'],
  ['startInterval', 'StartInterval'],
] as const;
const KINDS = new Set(['NONE', 'CMD', 'CMD-SHELL']);

/** The daemon's rules, with its words. 0 is the default everywhere. @throws TsrunError 'usage' */
export function checkHealth(health: HealthCheck): HealthCheck {
  for (const [name, shown] of TIMES) {
    const value: unknown = health[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw usageError(`${shown} in Healthcheck must be ns`);
    if (value !== 0 && value < LEAST_NS) throw usageError(`${shown} in Healthcheck cannot be less than 1ms`);
  }
  if (!Number.isSafeInteger(health.retries)) throw usageError('Retries in Healthcheck must be an integer');
  if (health.retries < 0) throw usageError('Retries in Healthcheck cannot be negative');
  const [kind, ...words] = health.test;
  if (kind !== undefined && !KINDS.has(kind)) throw usageError(`Unknown healthcheck type '${kind}'`);
  if ((kind === 'CMD' || kind === 'CMD-SHELL') && words.length === 0)
    throw usageError(`Healthcheck of type ${kind} needs a command`);
  return health;
}
