import { closeSync, writeFileSync } from 'node:fs';
import { SyscallError } from '../errors/syscall-error.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { cgroupTree, processesBelow } from './host.ts';
import type { CgroupLayout } from './types.ts';

const SIGKILL = 9;
const BATCH = 32;
const GONE = new Set<string | undefined>(['ESRCH', 'EINVAL']);

interface Opened {
  pid: number;
  pidfd: number;
}

function openProcess(pid: number): Opened[] {
  try {
    const opened = play('kill', [step('pidfd_open', { pid, flags: 0 }, 'this process, for ever', { save: 'pidfd' })]);
    return [{ pid, pidfd: opened.value('pidfd') }];
  } catch (error) {
    if (error instanceof SyscallError && GONE.has(error.code)) return [];
    throw error;
  }
}

function killOpened({ pidfd }: Opened): void {
  const kill = { pidfd: slot('pidfd'), sig: SIGKILL, info: null, flags: 0 };
  play('kill', [step('pidfd_send_signal', kill, 'a process of the container', { ignoreErrors: true })], { pidfd });
}

/**
 * Kills every process that `list` names. A pid may become another's before its descriptor is open: the list is made again after that,
 * and a process that is not in it is left alone.
 */
export function killListed(list: () => readonly number[]): void {
  const pids = list().filter((pid) => pid > 0); // 0: one of another PID namespace
  for (let at = 0; at < pids.length; at += BATCH) {
    const opened: Opened[] = [];
    try {
      for (const pid of pids.slice(at, at + BATCH)) opened.push(...openProcess(pid));
      const members = new Set(list());
      opened.filter(({ pid }) => members.has(pid)).forEach(killOpened);
    } finally {
      for (const { pidfd } of opened) closeSync(pidfd);
    }
  }
}

function writeIfThere(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'r+' });
  } catch {
    // no such cgroup, or no freezer in it
  }
}

/** Sub-cgroups freeze with theirs; each is thawed, because one may have been frozen by itself. */
function setFrozen(layout: CgroupLayout, path: string, frozen: boolean): void {
  for (const { mountPoint, version, controllers } of layout.hierarchies) {
    if (version === 1 && !controllers.includes('freezer')) continue;
    const top = `${mountPoint}${path}`;
    for (const directory of frozen ? [top] : cgroupTree(top))
      if (version === 2) writeIfThere(`${directory}/cgroup.freeze`, frozen ? '1' : '0');
      else writeIfThere(`${directory}/freezer.state`, frozen ? 'FROZEN' : 'THAWED');
  }
}

/**
 * What cgroup.kill does, for where there is none (cgroup v1; before Linux 5.14), one process after the other. Once may not be enough:
 * a process that forks is ahead of us unless it is frozen meanwhile. What is frozen on v1 does not end, killed or not: it is thawed.
 * @param directory of the cgroup in the one hierarchy whose processes are meant
 */
export function killProcesses(layout: CgroupLayout, path: string, directory: string, freeze: boolean): void {
  try {
    if (freeze) setFrozen(layout, path, true);
    killListed(() => processesBelow(directory));
  } finally {
    setFrozen(layout, path, false);
  }
}
