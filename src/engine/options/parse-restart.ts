import type { RestartPolicy } from '../run-options.ts';
import { usageError } from './usage-error.ts';

const POLICIES = ['no', 'always', 'on-failure', 'unless-stopped'] as const;
/** Go's int, as far as a number is exact. */
const COUNT = /^[-+]?[0-9]{1,15}$/;

export const NO_RESTART: RestartPolicy = { name: 'no', maximumRetryCount: 0 };

/** --restart: `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:5`. @throws TsrunError 'usage' */
export function parseRestart(text: string): RestartPolicy {
  const [name = '', ...rest] = text.split(':');
  const count = rest.join(':');
  if (rest.length > 0 && name === '')
    throw usageError('invalid restart policy format: no policy provided before colon');
  if (count !== '' && !COUNT.test(count))
    throw usageError('invalid restart policy format: maximum retry count must be an integer');
  return checkRestart({ name: name as RestartPolicy['name'], maximumRetryCount: Number(count) });
}

/** The daemon's rules, with its words. */
export function checkRestart({ name, maximumRetryCount }: RestartPolicy): RestartPolicy {
  if (!POLICIES.includes(name))
    throw usageError(
      `invalid restart policy: unknown policy '${name}'; use one of ${POLICIES.map((one) => `'${one}'`).join(', ')}`,
    );
  if (!Number.isSafeInteger(maximumRetryCount))
    throw usageError('invalid restart policy: maximum retry count must be an integer');
  const negative = maximumRetryCount < 0 ? 'cannot be negative' : '';
  const useless = name !== 'on-failure' && maximumRetryCount !== 0 ? "can only be used with 'on-failure'" : '';
  if (negative || useless)
    throw usageError(
      `invalid restart policy: maximum retry count ${[useless, negative].filter(Boolean).join(' and ')}`,
    );
  return { name, maximumRetryCount };
}

/** One of the two takes the container away that the other would start. @throws TsrunError 'usage' */
export function refuseRestartOfRemoved({ name }: RestartPolicy, remove: boolean): void {
  if (remove && name !== 'no') throw usageError('conflicting options: cannot specify both --restart and --rm');
}
