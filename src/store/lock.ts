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
export function lockContainer(paths: Paths, id: string, goal: string, kind: number = LOCK.LOCK_EX): () => void {
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
          { fd: slot('lock'), operation: kind | LOCK.LOCK_NB },
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

const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 5;

/**
 * Waits until nobody is making, starting or removing the container, and keeps it so until the returned function is called.
 * @throws TsrunError 'conflict' after ten seconds
 */
export async function waitForContainer(paths: Paths, id: string, goal: string): Promise<() => void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return lockContainer(paths, id, goal, LOCK.LOCK_SH);
    } catch (error) {
      if (!(error instanceof TsrunError && error.code === 'EBUSY') || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
