import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rethrowShortage } from '../../errors/shortage.ts';
import { processBirth } from '../../kernel/procfs.ts';
import type { Holder } from './finding.ts';

/** More than any machine that this was thought for has: what is beyond is not looked at, and that is said. */
const MOST_PROCESSES = 100_000;
const MOST_FILES = 4096;
const COMMAND_LENGTH = 120;
const TICKS_A_SECOND = 100; // sysconf(_SC_CLK_TCK) on every architecture that Node knows
export const MONITOR = 'tsrun-monitor';
/** What a monitor of any data root has open. */
const LOCK = /\/containers\/[0-9a-f]{64}\/run\.lock(?: \(deleted\))?$/;

export interface Process {
  pid: number;
  parent: number;
  state: string;
  startTime: string;
  /** The kernel's name for it, which a monitor sets. */
  name: string;
  command: string;
  /** Of the cgroup `tsrun-ID` that it is in, in whichever hierarchy. */
  container: string | undefined;
  /** Inode of its mount namespace. */
  mounts: string;
}

/** An open file, a working directory or a root below one of the directories that were asked about; or a container's lock. */
interface OpenFile {
  pid: number;
  path: string;
}

/** All processes that can be seen, at one moment. */
export interface Processes {
  all: ReadonlyMap<number, Process>;
  /** Who has that path open, or something below it; at most a handful. */
  holders(path: string): Holder[];
  /** One that has been removed ends in ` (deleted)`. */
  files: readonly OpenFile[];
  /** One process of each mount namespace, with the text of its mountinfo. */
  namespaces: readonly { pid: number; mountinfo: string }[];
  /** What could not be looked at. */
  unread: readonly string[];
}

/** Nobody reads more than a handful. */
export const MOST_HOLDERS = 5;
export const holderOf = ({ pid, command }: Process): Holder => ({ pid, command });

/** Who is in the container's cgroups. */
export function membersOf({ processes }: { processes: Processes }, id: string): Holder[] {
  const members = [...processes.all.values()].filter(({ container }) => container === id);
  return members.slice(0, MOST_HOLDERS).map(holderOf);
}

export function readProcesses(roots: readonly string[]): Processes {
  const all = new Map<number, Process>();
  const files: OpenFile[] = [];
  const unread: string[] = [];
  const namespaces = new Map<string, { pid: number; mountinfo: string }>();
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  if (pids.length > MOST_PROCESSES) unread.push(`/proc: more than ${MOST_PROCESSES} processes`);
  for (const pid of pids.slice(0, MOST_PROCESSES).map(Number)) {
    const process = readProcess(pid);
    if (process === undefined) continue;
    all.set(pid, process);
    const links = linksOf(pid, unread);
    files.push(...links.filter((path) => LOCK.test(path) || isBelow(path, roots)).map((path) => ({ pid, path })));
    if (process.mounts !== '' && !namespaces.has(process.mounts))
      namespaces.set(process.mounts, { pid, mountinfo: read(`/proc/${pid}/mountinfo`) });
  }
  const holders = (path: string): Holder[] => {
    const pidsThere = new Set(files.filter((file) => isBelow(file.path, [path])).map(({ pid }) => pid));
    return [...pidsThere].slice(0, MOST_HOLDERS).flatMap((pid) => {
      const process = all.get(pid);
      return process ? [holderOf(process)] : [];
    });
  };
  return { all, files, holders, namespaces: [...namespaces.values()], unread };
}

function readProcess(pid: number): Process | undefined {
  const birth = processBirth(pid);
  if (birth === undefined || 'ZX'.includes(birth.state)) return undefined;
  const name = read(`/proc/${pid}/comm`).trimEnd();
  const words = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trimEnd();
  return {
    pid,
    ...birth,
    name,
    command: words === '' ? `[${name}]` : words.slice(0, COMMAND_LENGTH),
    container: /\/tsrun-([0-9a-f]{64})(?:$|\/)/m.exec(read(`/proc/${pid}/cgroup`))?.[1],
    mounts: link(`/proc/${pid}/ns/mnt`) ?? '',
  };
}

function linksOf(pid: number, unread: string[]): string[] {
  const directory = `/proc/${pid}/fd`;
  const fds: string[] = [];
  try {
    fds.push(...readdirSync(directory));
  } catch (error) {
    rethrowShortage(error, directory);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') unread.push(`${directory}: EACCES`);
  }
  if (fds.length > MOST_FILES) unread.push(`${directory}: more than ${MOST_FILES} open files`);
  const paths = [
    ...fds.slice(0, MOST_FILES).map((fd) => `${directory}/${fd}`),
    `/proc/${pid}/cwd`,
    `/proc/${pid}/root`,
  ];
  return paths.flatMap((path) => link(path) ?? []);
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    rethrowShortage(error, path);
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    rethrowShortage(error, path);
    return '';
  }
}

export function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}/`) || path === `${root} (deleted)`);
}

/** When it was born, RFC 3339. */
export function bornAt({ startTime }: Process): string {
  const uptime = Number(read('/proc/uptime').split(' ')[0]);
  const seconds = Date.now() / 1000 - uptime + Number(startTime) / TICKS_A_SECOND;
  return new Date(Math.round(seconds) * 1000).toISOString();
}
