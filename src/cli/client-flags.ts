import { parseKeys } from '../engine/options/parse-keys.ts';
import type { ClientManners } from '../runtime/relay.ts';
import { maybeFlag } from './flag-values.ts';
import type { Flag } from './flags.ts';

/** How a command line carries a container's streams. */
export interface ClientFlags {
  detachKeys?: string;
  sigProxy?: boolean;
}

export const DETACH_KEYS: Flag = [
  '--detach-keys <keys>',
  'the keys that leave a terminal without ending what runs there (default: ctrl-p,ctrl-q)',
];
export const CLIENT_FLAGS: readonly Flag[] = [DETACH_KEYS, ['--sig-proxy', 'pass signals on (default: true)']];

/** Of `run`, and not of `create`. */
export const RUN_ONLY_FLAGS: readonly Flag[] = [
  ['-d, --detach', 'print its id, and do not wait for it'],
  ...CLIENT_FLAGS,
];

const DEFAULT_KEYS = [16, 17];

/**
 * Of a client that comes to a container that there is already. With a terminal its keys are the container's, and its signals are its
 * own, as Docker has it: who closes a window leaves.
 * @throws TsrunError 'usage'
 */
export function readComerFlags(flags: ClientFlags, tty: boolean): ClientManners {
  const manners = readClientFlags(flags);
  return { ...manners, keepsSignals: manners.keepsSignals === true || tty };
}

/** @throws TsrunError 'usage' */
export function readClientFlags({ detachKeys, sigProxy }: ClientFlags): ClientManners {
  return {
    detachKeys: maybeFlag('--detach-keys', detachKeys || undefined, parseKeys) ?? DEFAULT_KEYS,
    keepsSignals: sigProxy === false,
  };
}
