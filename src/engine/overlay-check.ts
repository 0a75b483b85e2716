import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SyscallError } from '../errors/syscall-error.ts';
import type { TsrunError } from '../errors/tsrun-error.ts';
import { CLONE, MS } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { reap } from '../runtime/wait.ts';
import type { Engine } from './engine.ts';

/** The file system that holds a path, by the longest mount point above it. */
export function fileSystemOf(path: string): string {
  const rows = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [left, right] = line.split(' - ');
      const point = left?.split(' ')[4];
      return point && right ? [{ point, type: right.split(' ')[0] ?? '' }] : [];
    });
  const above = rows.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`));
  return above.toSorted((a, b) => a.point.length - b.point.length).at(-1)?.type ?? 'unknown';
}

/** Mounts a small overlay in a namespace of its own; true when that works on this file system. */
function trialMount(directory: string): boolean {
  const at = join(directory, `trial-${process.pid}`);
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(at, name)) as [
    string,
    string,
    string,
    string,
  ];
  try {
    for (const path of [at, lower, upper, work, merged]) mkdirSync(path, { mode: 0o700 });
    const overlay = step(
      'mount',
      {
        source: 'overlay',
        target: merged,
        filesystemtype: 'overlay',
        mountflags: 0,
        data: 'lowerdir=lower,upperdir=upper,workdir=work',
      },
      'a trial',
    );
    const child = [
      step(
        'mount',
        { source: null, target: '/', filesystemtype: null, mountflags: MS.MS_REC | MS.MS_PRIVATE, data: null },
        'nobody sees it',
      ),
      step('chdir', { path: at }, 'the names below are short'),
      overlay,
      step('exit', { status: 0 }, 'that is all'),
    ];
    const clone = { flags: CLONE.CLONE_NEWNS, child, cgroup: null, pidfd: null };
    reap(play('try an overlay', [step('clone', clone, 'a namespace of its own', { save: 'pid' })]).value('pid'));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

/** An overlay mount failed: says whether it is the file system of the data root that cannot carry one, and which it is. */
export function explainOverlayFailure({ paths }: Engine, error: TsrunError): TsrunError {
  const failed = error instanceof SyscallError && error.syscall === 'mount' && error.message.includes('"overlay"');
  const isFull = error.code === 'ENOSPC' || error.code === 'EDQUOT'; // for the work directory; a trial would fail for the same
  if (!failed || error.code === 'ENODEV' || (!isFull && trialMount(paths.overlay))) return error;
  const hint = isFull
    ? `the file system of ${paths.dataRoot} is full, or there are too many mounts: see /proc/sys/fs/mount-max`
    : `${paths.dataRoot} lies on ${fileSystemOf(paths.overlay)}, which cannot carry the upper directory of an overlay; use --data-root on ext4, xfs, btrfs or tmpfs`;
  return new SyscallError(error.message.split(': mount(')[0] ?? 'run', {
    errno: -error.errno,
    syscall: 'mount',
    call: error.message.slice(error.message.indexOf('mount('), error.message.lastIndexOf(': ')),
    hint,
    ...(error.step === undefined ? {} : { step: error.step }),
    cause: error,
  });
}
