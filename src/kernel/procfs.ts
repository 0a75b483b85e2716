import { existsSync, readFileSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import { TsrunError } from '../errors/tsrun-error.ts';

/** Without /proc nothing here is known, and what runs would seem to have ended. @throws TsrunError 'unsupported' */
export function requireProcfs(): void {
  if (process.platform !== 'linux' || existsSync('/proc/self/stat')) return;
  throw new TsrunError('unsupported', 'look at this machine: /proc/self is not there', {
    code: 'ENOENT',
    hint: 'mount -t proc proc /proc',
  });
}

let thisBoot: string | undefined;

/** This boot, as opposed to any other. */
export function bootId(): string {
  thisBoot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return thisBoot;
}

/** Clock ticks since boot at which the process was born (proc(5), field 22), its state and its parent; undefined when there is none. */
export function processBirth(pid: number): { startTime: string; state: string; parent: number } | undefined {
  const path = `/proc/${pid}/stat`;
  try {
    const stat = readFileSync(path, 'latin1');
    // The command's name is in parentheses and may hold any character, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[19] === undefined
      ? undefined
      : { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] };
  } catch (error) {
    rethrowShortage(error, path);
    return undefined;
  }
}

/** The process of that pid is the one that was born then, in this boot, and has not ended. */
export function isAlive(pid: number, startTime: string, boot: string): boolean {
  const birth = processBirth(pid);
  return (
    birth !== undefined &&
    birth.startTime === startTime &&
    birth.state !== 'Z' &&
    birth.state !== 'X' &&
    boot === bootId()
  );
}

/** The host's name, as `hostname` of node:os says it, which costs a start half a millisecond. */
export function hostName(): string {
  return readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
}

/** CapBnd of this process: what it can hand on. */
export function boundingSet(): bigint {
  const status = readFileSync('/proc/self/status', 'latin1');
  const at = status.indexOf('\nCapBnd:\t');
  return at < 0 ? 0n : BigInt(`0x${status.slice(at + 9, status.indexOf('\n', at + 9))}`);
}

const limitNames = (): Record<string, string> => ({
  'Max cpu time': 'RLIMIT_CPU',
  'Max file size': 'RLIMIT_FSIZE',
  'Max data size': 'RLIMIT_DATA',
  'Max stack size': 'RLIMIT_STACK',
  'Max core file size': 'RLIMIT_CORE',
  'Max resident set': 'RLIMIT_RSS',
  'Max processes': 'RLIMIT_NPROC',
  'Max open files': 'RLIMIT_NOFILE',
  'Max locked memory': 'RLIMIT_MEMLOCK',
  'Max address space': 'RLIMIT_AS',
  'Max file locks': 'RLIMIT_LOCKS',
  'Max pending signals': 'RLIMIT_SIGPENDING',
  'Max msgqueue size': 'RLIMIT_MSGQUEUE',
  'Max nice priority': 'RLIMIT_NICE',
  'Max realtime priority': 'RLIMIT_RTPRIO',
  'Max realtime timeout': 'RLIMIT_RTTIME',
});

/** A process's limits by OCI name; Infinity = unlimited. */
export function limitsOf(pid: number | 'self'): Map<string, { soft: number; hard: number }> {
  const limits = new Map<string, { soft: number; hard: number }>();
  const names = limitNames();
  const number = (text: string | undefined) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  for (const line of readFileSync(`/proc/${pid}/limits`, 'latin1').split('\n')) {
    const name = names[line.slice(0, 26).trim()];
    const [soft, hard] = line.slice(26).trim().split(/\s+/);
    if (name) limits.set(name, { soft: number(soft), hard: number(hard) });
  }
  return limits;
}
