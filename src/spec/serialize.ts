import { RLIM_INFINITY, type Spec } from './oci.ts';

/** What JSON.stringify makes of 2^64. */
const ROUNDED = String(RLIM_INFINITY);

/**
 * config.json as other runtimes read it. RLIM_INFINITY is 2^64 - 1, which no double can hold: JSON.stringify would
 * write 18446744073709552000, and Go refuses that for a uint64. Inside a JSON string the quote before the colon is
 * escaped, so that the pattern meets numbers only.
 */
export function serializeSpec(spec: Spec): string {
  const json = JSON.stringify(spec, null, 2);
  return `${json.replaceAll(new RegExp(`"(soft|hard)": ${ROUNDED}(?=[,\\s])`, 'g'), '"$1": 18446744073709551615')}\n`;
}
