import { readFileSync } from 'node:fs';
import { rethrowShortage } from '../errors/shortage.ts';
import type { CgroupLayout } from './types.ts';

/** What a cgroup and those below it have used, and what they use now. 0 where no controller counts it. */
export interface Usage {
  /** ns of processor time. */
  cpuNs: number;
  /** Bytes, without the page cache that nobody would miss. */
  memory: number;
  /** Bytes; Infinity without a limit. */
  memoryLimit: number;
  processes: number;
  /** Bytes from and to block devices. */
  bytesRead: number;
  bytesWritten: number;
}

/** A file of the cgroup in the hierarchy that has the controller; '' when there is none, or it has ended. */
type Reader = (controller: string, file: string) => string;

function readerOf(layout: CgroupLayout, path: string): { v1: Reader; v2: Reader } {
  const read = (mountPoint: string | undefined, file: string): string => {
    if (mountPoint === undefined) return '';
    const name = `${mountPoint}${path}/${file}`;
    try {
      return readFileSync(name, 'latin1');
    } catch (error) {
      rethrowShortage(error, name);
      return '';
    }
  };
  const v1 = (controller: string) => layout.hierarchies.find(({ controllers }) => controllers.includes(controller));
  const v2 = layout.hierarchies.find(({ version }) => version === 2);
  return {
    v1: (controller, file) => read(v1(controller)?.mountPoint, file),
    v2: (controller, file) => read(v1(controller) ? undefined : v2?.mountPoint, file),
  };
}

/** `name value` lines. */
function field(text: string, name: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

const number = (text: string): number =>
  text === '' ? 0 : text.startsWith('max') ? Number.POSITIVE_INFINITY : Number(text);

/** Adds up the numbers that the pattern finds. */
const sum = (text: string, pattern: RegExp): number =>
  [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);

export function cgroupUsage(layout: CgroupLayout, path: string): Usage {
  const { v1, v2 } = readerOf(layout, path);
  const used = number(v1('memory', 'memory.usage_in_bytes') || v2('memory', 'memory.current'));
  const inactive =
    field(v1('memory', 'memory.stat'), 'total_inactive_file') ??
    field(v2('memory', 'memory.stat'), 'inactive_file') ??
    0;
  const io = v1('blkio', 'blkio.throttle.io_service_bytes_recursive');
  const io2 = v2('blkio', 'io.stat');
  return {
    cpuNs: number(v1('cpuacct', 'cpuacct.usage')) || 1000 * (field(v2('cpuacct', 'cpu.stat'), 'usage_usec') ?? 0),
    memory: Math.max(0, used - inactive),
    memoryLimit:
      number(v1('memory', 'memory.limit_in_bytes') || v2('memory', 'memory.max')) || Number.POSITIVE_INFINITY,
    processes: number(v1('pids', 'pids.current') || v2('pids', 'pids.current')),
    bytesRead: sum(io, /^\S+ Read (\d+)$/gm) + sum(io2, /\brbytes=(\d+)/g),
    bytesWritten: sum(io, /^\S+ Write (\d+)$/gm) + sum(io2, /\bwbytes=(\d+)/g),
  };
}
