import type { Stats } from 'node:fs';
import { closeSync, fstatSync, readSync } from 'node:fs';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { slot } from './arguments.ts';
import { play } from './play.ts';
import { step } from './step.ts';

/**
 * Resolves a path as somebody whose root is `root` would, links and ".." included, and never leaves it (native/in_root.c).
 * @param root descriptor of the root directory
 * @param want IN_ROOT.* flags
 * @returns a close-on-exec descriptor, or undefined when nothing is there
 */
export function openInRoot(goal: string, root: number, path: string, want: number): number | undefined {
  try {
    return play(
      goal,
      [step('in_root', { root: slot('root'), path, want }, 'a path inside the root directory', { save: 'found' })],
      { root },
    ).value('found');
  } catch (error) {
    if (error instanceof SyscallError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Descriptors of paths that will be asked for, by path. */
export type OpenedAhead = Map<string, number>;

/**
 * Opens several paths in one play, which takes a tenth of the time of as many. What cannot be opened is left out: whoever asks for it
 * gets the reason from a try of its own. Each is closed by who asks for it; the rest is the caller's, `closeAhead`.
 * @param wanted path → IN_ROOT.* flags
 */
export function openAhead(goal: string, root: number, wanted: Readonly<Record<string, number>>): OpenedAhead {
  const NONE = -1;
  const given: Record<string, number> = { root };
  const steps = Object.entries(wanted).map(([path, want]) => {
    given[path] = NONE;
    const options = { save: path, ignoreErrors: true };
    return step('in_root', { root: slot('root'), path, want }, 'a path inside the root directory', options);
  });
  const played = play(goal, steps, given);
  const opened: OpenedAhead = new Map();
  for (const path of Object.keys(wanted)) if (played.value(path) !== NONE) opened.set(path, played.value(path));
  return opened;
}

export function closeAhead(ahead: OpenedAhead): void {
  for (const fd of ahead.values()) closeSync(fd);
  ahead.clear();
}

/** The descriptor that was opened ahead, from now on the asker's, or a new one. */
function takeOrOpen(goal: string, root: number, path: string, want: number, ahead?: OpenedAhead): number | undefined {
  const opened = ahead?.get(path);
  ahead?.delete(path);
  return opened ?? openInRoot(goal, root, path, want);
}

/** What is at the path, links taken inside the root; undefined when nothing is. `ahead`: opened for the same `want`. */
export function statInRoot(goal: string, root: number, path: string, want = 0, ahead?: OpenedAhead): Stats | undefined {
  const fd = takeOrOpen(goal, root, path, want, ahead);
  if (fd === undefined) return undefined;
  try {
    return fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What readInRoot wants of a path. */
export const TO_READ = IN_ROOT.read | IN_ROOT.regular;

/**
 * The content of a regular file inside the root; null when it is not there. A fifo, a device or a directory is refused without being
 * waited for, and so is what is larger than the limit (CVE-2024-9676).
 * @param limit bytes
 * @param ahead opened with TO_READ
 */
export function readInRoot(
  goal: string,
  root: number,
  path: string,
  limit: number,
  ahead?: OpenedAhead,
): Buffer | null {
  let fd: number | undefined;
  try {
    fd = takeOrOpen(goal, root, path, TO_READ, ahead);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const hint =
      error.code === 'EINVAL' ? 'it is a fifo, a device or a directory there, not a regular file' : error.hint;
    throw new TsrunError('config', `${goal}: /${path} inside the root directory cannot be read: ${error.code}`, {
      code: error.code,
      hint,
      cause: error,
    });
  }
  if (fd === undefined) return null;
  try {
    const { size } = fstatSync(fd);
    if (size > limit)
      throw new TsrunError('config', `${goal}: /${path} inside the root directory is larger than ${limit} bytes`);
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(fd, bytes, 0, size, 0));
  } finally {
    closeSync(fd);
  }
}
