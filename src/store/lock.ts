import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import type { Paths } from './paths.ts';

/**
 * One changes a container at a time. flock(2) on a file in its directory: the kernel frees it with the process, whatever ends that.
 * The descriptor is close-on-exec. @returns what lets go of it
 */
export function lockContainer(paths: Paths, id: string, goal: string): () => void {
  let fd: number;
  try {
    fd = openSync(join(paths.container(id), 'lock'), 'a', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new TsrunError('not-found', `No such container: ${id.slice(0, 12)}`);
    throw error;
  }
  try {
    play(
      goal,
      [
        step(
          'flock',
          { fd: slot('lock'), operation: LOCK.LOCK_EX | LOCK.LOCK_NB },
          'one command at a time changes a container',
        ),
      ],
      { lock: fd },
    );
  } catch (error) {
    closeSync(fd);
    if (error instanceof SyscallError && error.code === 'EAGAIN') {
      throw new TsrunError('conflict', `${goal}: another command is changing this container`, {
        code: 'EBUSY',
        hint: 'try again in a moment',
      });
    }
    throw error;
  }
  return () => closeSync(fd);
}
