import type { DeviceRule } from '../spec/oci.ts';

const part = (value: number | undefined): string => (value === undefined || value < 0 ? '*' : String(value));
const isForAll = ({ type }: DeviceRule): boolean => (type ?? 'a') === 'a';

/** `c 1:3 rwm`, the line that v1's devices.allow and devices.deny take; the rule for all is `a`. */
export function deviceRuleLine(rule: DeviceRule): string {
  if (isForAll(rule)) return 'a';
  return `${rule.type} ${part(rule.major)}:${part(rule.minor)} ${rule.access || 'rwm'}`;
}

/** One device, or a family of them, that is treated unlike the others. */
export interface DeviceException {
  type: 'b' | 'c';
  /** undefined = any */
  major: number | undefined;
  minor: number | undefined;
  /** Some of `rwm`. */
  access: string;
}

export interface DeviceDecision {
  /** What holds for a device that no exception speaks of. */
  allow: boolean;
  exceptions: DeviceException[];
}

const number = (value: number | undefined): number | undefined =>
  value === undefined || value < 0 ? undefined : value;
const letters = (access: string, keep: (letter: string) => boolean): string =>
  [...'rwm'].filter((one) => access.includes(one) && keep(one)).join('');

/**
 * What a list of rules comes to, written one after the other to a new v1 cgroup (security/device_cgroup.c): a rule for all starts
 * anew; a rule against what holds adds to the exception of exactly those numbers, a rule for it takes from that.
 */
export function decide(rules: readonly DeviceRule[]): DeviceDecision {
  const exceptions = new Map<string, DeviceException>();
  let allow = true;
  for (const rule of rules) {
    if (isForAll(rule)) {
      allow = rule.allow;
      exceptions.clear();
      continue;
    }
    const { type, major, minor } = rule;
    const asked = rule.access || 'rwm';
    const key = `${type} ${part(major)}:${part(minor)}`;
    const known = exceptions.get(key)?.access ?? '';
    const access =
      rule.allow === allow ? letters(known, (one) => !asked.includes(one)) : letters(known + asked, () => true);
    if (access === '') exceptions.delete(key);
    else exceptions.set(key, { type: type as 'b' | 'c', major: number(major), minor: number(minor), access });
  }
  return { allow, exceptions: [...exceptions.values()] };
}

/** Everything is allowed: no rule is needed, which is what a new cgroup inherits. */
export function allowsAll(rules: readonly DeviceRule[]): boolean {
  const { allow, exceptions } = decide(rules);
  return allow && exceptions.length === 0;
}
