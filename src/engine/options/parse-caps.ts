import { CAPABILITY_NAMES } from '../../kernel/capabilities.ts';
import { usageError } from './usage-error.ts';

/** --cap-add, --cap-drop: `NET_ADMIN`, `cap_net_admin`, `all` → `CAP_NET_ADMIN` or `ALL`. */
export function parseCapability(text: string): string {
  const upper = text.trim().toUpperCase();
  if (upper === 'ALL') return upper;
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!CAPABILITY_NAMES.includes(name)) {
    throw usageError(
      `unknown capability: "${name}"`,
      `the capabilities are ALL ${CAPABILITY_NAMES.map((known) => known.slice(4)).join(' ')}`,
    );
  }
  return name;
}
