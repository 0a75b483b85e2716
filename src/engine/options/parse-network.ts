import type { NetworkMode } from '../run-options.ts';
import { usageError } from './usage-error.ts';

/** --network: `host` or `none`. */
export function parseNetwork(text: string): NetworkMode {
  if (text === 'host' || text === 'none') return text;
  throw usageError(`network ${text} not found`, 'the networks are host and none; bridges arrive later');
}
