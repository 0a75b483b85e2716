import { TsrunError } from '../errors/tsrun-error.ts';
import { capabilityNames } from '../kernel/capabilities.ts';

/** Docker's fourteen, in its order: mask 00000000a80425fb. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
].map((name) => `CAP_${name}`);

export interface CapabilityWishes {
  /** Names as `parseCapability` gives them: `CAP_…` or `ALL`. */
  add: readonly string[];
  drop: readonly string[];
  privileged: boolean;
}

/**
 * The container's set. `ALL` and --privileged mean all that are available: runc could not hand on others either.
 * A default that this process lacks itself is left out; one that was asked for by name is an error.
 * @param available the bounding set of this process
 * @throws TsrunError 'permission'
 */
export function resolveCapabilities(wishes: CapabilityWishes, available: bigint): string[] {
  const all = capabilityNames(available);
  if (wishes.privileged) return all;
  const kept = (names: readonly string[]) => names.filter((name) => all.includes(name) && !wishes.drop.includes(name));
  if (wishes.add.includes('ALL')) return kept(all);
  for (const name of wishes.add) {
    if (!all.includes(name)) throw missing(name);
  }
  // What is both added and dropped stays, as in Docker.
  const basis = wishes.drop.includes('ALL') ? [] : kept(DEFAULT_CAPABILITIES);
  return [...new Set([...basis, ...wishes.add])];
}

function missing(name: string): TsrunError {
  return new TsrunError('permission', `--cap-add ${name}: this process does not have it itself`, {
    hint: 'it is not in the bounding set (CapBnd in /proc/self/status); outside of containers root usually has every capability',
  });
}
