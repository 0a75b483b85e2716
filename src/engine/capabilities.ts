import { TsrunError } from '../errors/tsrun-error.ts';

/** Every capability of linux/capability.h up to 5.9's CAP_CHECKPOINT_RESTORE; the place in the list is the number. */
export const CAPABILITY_NAMES: readonly string[] = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT',
  'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE',
  'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ',
  'PERFMON', 'BPF', 'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

/** Docker's fourteen, in its order: mask 00000000a80425fb. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE',
  'SYS_CHROOT', 'KILL', 'AUDIT_WRITE',
].map((name) => `CAP_${name}`);

export interface CapabilityWishes {
  /** Names as `parseCapability` gives them: `CAP_…` or `ALL`. */
  add: readonly string[];
  drop: readonly string[];
  privileged: boolean;
}

/** Names → the mask as in /proc/PID/status (CapBnd). */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(numberOf(name))), 0n);
}

/** The mask → names, by number. Bits that this list has no name for are left out. */
export function capabilityNames(mask: bigint): string[] {
  return CAPABILITY_NAMES.filter((_, number) => (mask >> BigInt(number)) & 1n);
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

function numberOf(name: string): number {
  const number = CAPABILITY_NAMES.indexOf(name);
  if (number < 0) throw new TsrunError('usage', `unknown capability: "${name}"`);
  return number;
}

function missing(name: string): TsrunError {
  return new TsrunError('permission', `--cap-add ${name}: this process does not have it itself`, {
    hint: 'it is not in the bounding set (CapBnd in /proc/self/status); outside of containers root usually has every capability',
  });
}
