import type { DeviceRule } from '../spec/oci.ts';

const part = (value: number | undefined): string => (value === undefined || value < 0 ? '*' : String(value));

/** `c 1:3 rwm`, the line that v1's devices.allow and devices.deny take; the rule for all is `a`. */
export function deviceRuleLine({ type, major, minor, access }: DeviceRule): string {
  if ((type ?? 'a') === 'a') return 'a';
  return `${type} ${part(major)}:${part(minor)} ${access ?? 'rwm'}`;
}

/** Everything is allowed: no rule is needed, which is what a new cgroup inherits. */
export function allowsAll(rules: readonly DeviceRule[]): boolean {
  const last = rules.findLastIndex(({ type }) => (type ?? 'a') === 'a');
  return last < 0 || (rules[last]!.allow && rules.slice(last + 1).every(({ allow }) => allow));
}
