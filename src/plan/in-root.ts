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

/** What is at the path, links taken inside the root; undefined when nothing is. */
export function statInRoot(goal: string, root: number, path: string, want = 0): Stats | undefined {
  const fd = openInRoot(goal, root, path, want);
  if (fd === undefined) return undefined;
  try {
    return fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * The content of a regular file inside the root; null when it is not there. A fifo, a device or a directory is refused without being
 * waited for, and so is what is larger than the limit (CVE-2024-9676).
 * @param limit bytes
 */
export function readInRoot(goal: string, root: number, path: string, limit: number): Buffer | null {
  let fd: number | undefined;
  try {
    fd = openInRoot(goal, root, path, IN_ROOT.read | IN_ROOT.regular);
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
