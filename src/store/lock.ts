import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { noSuchContainer } from '../errors/no-such-container.ts';
import { SyscallError } from '../errors/syscall-error.ts';
import { calledOff, TsrunError } from '../errors/tsrun-error.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { AT, LOCK, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { play, playSome } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { fileError } from './files.ts';
import type { Paths } from './paths.ts';

const COMMAND_PATIENCE_MS = 10_000;
const PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 5;

/** flock(2): the kernel frees it with the last descriptor of that opening, whatever ends its holders. */
export function tryLock(fd: number, goal: string, why: string, kind: number = LOCK.LOCK_EX): boolean {
  try {
    play(goal, [step('flock', { fd: slot('lock'), operation: kind | LOCK.LOCK_NB }, why)], { lock: fd });
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.code === 'EAGAIN') return false;
    throw error;
  }
}

/**
 * undefined when the file is not there. Close-on-exec. For writing, because NFS wants that of LOCK_EX; but who goes into a container
 * changes nothing, also where nothing can be changed. @throws TsrunError: EROFS, EACCES
 */
function openLock(path: string, flags: number, goal: string): number | undefined {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EROFS' && flags === O.O_RDWR) return openSync(path, 'r');
    throw fileError(goal, error);
  }
}

/** The first of a new container: its directory, with both locks. */
export function lockedSteps(paths: Paths, id: string): Step[] {
  const file = (name: string) => ({
    dirfd: AT.AT_FDCWD,
    pathname: `${paths.container(id)}/${name}`,
    flags: O.O_RDWR | O.O_CREAT | O.O_CLOEXEC,
    mode: 0o600,
  });
  const lock = (name: string) => ({ fd: slot(name), operation: LOCK.LOCK_EX | LOCK.LOCK_NB });
  const directory = { dirfd: AT.AT_FDCWD, pathname: paths.container(id), mode: 0o710 };
  return [
    step('make_dir', directory, 'a container'),
    step('openat', file('lock'), 'for one command at a time', { save: 'commands' }),
    step('flock', lock('commands'), 'this one'),
    step('openat', file('run.lock'), 'for one run at a time', { save: 'lock' }),
    step('flock', lock('lock'), 'the first'),
  ];
}

/** Plays them: nobody else can have the locks yet. */
export function makeLocked(paths: Paths, id: string, goal: string): { unlock: () => void; runLock: RunLock } {
  const { played, done, error } = playSome(goal, lockedSteps(paths, id));
  const fds = ['commands', 'lock'].slice(0, Math.floor(done / 2)).map((name) => played.value(name));
  const close = (fd: number | undefined) => fd !== undefined && closeSync(fd);
  if (error !== undefined) {
    fds.forEach(close);
    throw error;
  }
  const unlock = once(() => close(fds[0]));
  return { unlock, runLock: { fd: fds[1]!, close: once(() => close(fds[1])) } };
}

/** A number is somebody else's as soon as it is free. */
function once(work: () => void): () => void {
  let over = false;
  return () => {
    if (!over) work();
    over = true;
  };
}

const noContainer = (id: string): TsrunError => noSuchContainer(id.slice(0, 12));

/** How a lock is waited for. */
interface Waiting {
  /** Calls it off. */
  stop?: AbortSignal | undefined;
  /**
   * Its directory is locked first, and the lock made where it is missing: for who removes what is left of a container. Nobody else
   * begins anything in there, and of two that remove it one finds it gone.
   */
  remove?: boolean;
}

/** One command changes a container at a time. @returns what lets go of it @throws TsrunError 'conflict', 'not-found' */
export function lockContainer(
  paths: Paths,
  id: string,
  goal: string,
  kind: number = LOCK.LOCK_EX,
  { remove = false }: Waiting = {},
): () => void {
  if (!remove) return lockFile(id, goal, `${paths.container(id)}/lock`, O.O_RDWR, kind);
  const removed = lockFile(id, goal, paths.container(id), O.O_DIRECTORY, LOCK.LOCK_EX);
  try {
    const changed = lockFile(id, goal, `${paths.container(id)}/lock`, O.O_RDWR | O.O_CREAT, kind);
    return () => {
      changed();
      removed();
    };
  } catch (error) {
    if (isNoFile(error)) return removed; // then nobody else can lock it either
    removed();
    throw error;
  }
}

/** A directory is where a lock should be. */
const isNoFile = (error: unknown): boolean => error instanceof TsrunError && error.code === 'EISDIR';

function lockFile(id: string, goal: string, path: string, flags: number, kind: number): () => void {
  const fd = openLock(path, flags, goal);
  if (fd === undefined) throw noContainer(id);
  let locked = false;
  try {
    locked = tryLock(fd, goal, 'one command at a time changes a container', kind) && isAt(fd, path);
    if (!locked) throw isAt(fd, path) ? beingChanged(goal) : noContainer(id);
  } finally {
    if (!locked) closeSync(fd);
  }
  return () => closeSync(fd);
}

/** It may have been removed after it was opened. */
function isAt(fd: number, path: string): boolean {
  const [ours, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return there !== undefined && ours.dev === there.dev && ours.ino === there.ino;
}

function beingChanged(goal: string): TsrunError {
  return new TsrunError('conflict', `${goal}: another command is changing this container`, {
    code: 'EBUSY',
    hint: 'try again in a moment',
  });
}

/**
 * Waits until nobody is making, starting or removing the container, and keeps it so until the returned function is called.
 * @throws TsrunError 'conflict' after ten seconds; code ECANCELED when `stop` says so
 */
export async function waitForContainer(
  paths: Paths,
  id: string,
  goal: string,
  kind: number = LOCK.LOCK_SH,
  waiting: Waiting = {},
): Promise<() => void> {
  const deadline = monotonicMs() + COMMAND_PATIENCE_MS;
  for (;;) {
    if (waiting.stop?.aborted) throw calledOff(goal);
    try {
      return lockContainer(paths, id, goal, kind, waiting);
    } catch (error) {
      if (!(error instanceof TsrunError && error.code === 'EBUSY') || monotonicMs() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}

/** A descriptor that holds the lock of a container's run; `close()` lets go of it, unless a monitor holds it, too. */
export interface RunLock {
  fd: number;
  close(): void;
}

const runLockPath = (paths: Paths, id: string): string => `${paths.container(id)}/run.lock`;

/** A directory in its place keeps nobody from removing the container. */
function openRunLock(paths: Paths, id: string, goal: string): number | undefined {
  try {
    return openLock(runLockPath(paths, id), O.O_RDWR, goal);
  } catch (error) {
    if (isNoFile(error)) return undefined;
    throw error;
  }
}

function holding(fd: number | undefined): RunLock {
  return { fd: fd ?? -1, close: () => fd !== undefined && closeSync(fd) };
}

/**
 * The lock of a container's run. The launcher takes it and hands it to the monitor, which lets go of it when it has cleaned up (or was
 * killed): whoever has it knows that no clean-up of an earlier run is still to come. Held only together with the container's lock, or
 * for a moment. @returns undefined when a run has it; without `make`, what is held may be nothing at all: there never was a run
 */
export function tryLockRun(paths: Paths, id: string, goal: string, make: boolean): RunLock | undefined {
  const fd = make ? openLock(runLockPath(paths, id), O.O_RDWR | O.O_CREAT, goal) : openRunLock(paths, id, goal);
  if (fd === undefined && make) throw noContainer(id);
  if (fd === undefined || tryLock(fd, goal, 'the run before has been cleaned up after')) return holding(fd);
  closeSync(fd);
  return undefined;
}

/** The clean-up of a run that is under way. */
export interface RunWatch {
  /** Until it is over, or takes too long. `next`: another run has begun, which has the lock by now. */
  over(next: () => boolean): Promise<void>;
  close(): void;
}

/** Opened while it runs: a clean-up may take the lock's file away long before it is done, or ends for want of it. */
export function watchRun(paths: Paths, id: string, goal: string): RunWatch {
  const { fd, close } = holding(openRunLock(paths, id, goal));
  return {
    over: async (next) => {
      const deadline = monotonicMs() + PATIENCE_MS;
      const isOver = () => fd < 0 || tryLock(fd, goal, 'it has been cleaned up after') || next();
      while (!isOver() && monotonicMs() < deadline) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    },
    close,
  };
}

/** The same, with patience for a clean-up that is under way. @returns undefined when it takes too long */
export async function waitForRunLock(
  paths: Paths,
  id: string,
  goal: string,
  make: boolean,
): Promise<RunLock | undefined> {
  const deadline = monotonicMs() + PATIENCE_MS;
  for (;;) {
    const lock = tryLockRun(paths, id, goal, make);
    if (lock || monotonicMs() > deadline) return lock;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export function stillCleanedUp(goal: string): TsrunError {
  return new TsrunError('conflict', `${goal}: the container is still being cleaned up`, {
    code: 'EBUSY',
    hint: 'try again in a moment; if its tsrun-monitor is stuck: tsrun rm -f',
  });
}
