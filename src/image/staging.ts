import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';

export interface StageOptions {
  /** Replace a tree that `tsrun rootfs` made. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** In every tree that this room makes, so that `--force` can tell it from somebody's data. Its text says what from. */
export const MARKER = '/etc/tsrun-rootfs';

/**
 * Lets `build` fill a new directory beside `dir` and puts it in `dir`'s place when it is complete. After a failure or
 * an abort nothing is left. @throws TsrunError `conflict`, `not-found`, `system`.
 */
export async function stage<T>(
  dir: string,
  options: StageOptions,
  build: (temporary: string) => Promise<T>,
): Promise<T> {
  const target = targetOf(dir);
  const replaces = checkTarget(dir, target, options.force ?? false);
  const temporary = `${target}.tmp-${process.pid}`;
  try {
    await mkdir(temporary);
  } catch (error) {
    throw explained(dir, error);
  }
  try {
    await chmod(temporary, 0o755);
    const result = await build(temporary);
    options.signal?.throwIfAborted();
    await putInPlace(temporary, target, replaces);
    return result;
  } catch (error) {
    await removeTree(temporary);
    throw options.signal?.aborted ? interrupted(dir) : explained(dir, error);
  }
}

export async function writeMarker(root: string, text: string): Promise<void> {
  await writeFile(join(root, MARKER), text, { flag: 'wx', mode: 0o644 });
}

/** Links in the way are followed, so that what is renamed is the directory and not a link to it. */
function targetOf(dir: string): string {
  const path = resolve(dir);
  try {
    return realpathSync(path);
  } catch {
    // Not there yet: then its parent has to be.
  }
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch (error) {
    throw new TsrunError('not-found', `make the root file system ${dir}: ${dirname(path)}: no such directory`, {
      hint: `mkdir -p ${dirname(path)}`,
      cause: error,
    });
  }
}

/** True when there is a tree to replace. */
function checkTarget(dir: string, target: string, force: boolean): boolean {
  const stats = lstatSync(target, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (!stats.isDirectory()) throw conflict(dir, 'not a directory', 'name a directory that does not exist yet');
  if (isMountPoint(target))
    throw conflict(dir, 'a mount point, which cannot be replaced', `use ${join(dir, 'rootfs')}`);
  if (readdirSync(target).length === 0) return false;
  if (!force) {
    const hint = isOurs(target)
      ? 'tsrun made it: --force replaces it'
      : 'name a directory that does not exist yet, or an empty one';
    throw conflict(dir, 'not empty', hint);
  }
  if (!isOurs(target)) {
    throw conflict(dir, `not a tree that tsrun made (no ${MARKER})`, '--force replaces only those: remove it yourself');
  }
  refuseMounts(dir, target);
  return true;
}

/** The marker is read without following links: a link could lead to the marker of another tree. */
function isOurs(target: string): boolean {
  const etc = lstatSync(join(target, dirname(MARKER)), { throwIfNoEntry: false });
  const marker = lstatSync(join(target, MARKER), { throwIfNoEntry: false });
  return etc?.isDirectory() === true && marker?.isFile() === true;
}

async function putInPlace(temporary: string, target: string, replaces: boolean): Promise<void> {
  if (!replaces) return rename(temporary, target); // rename(2) replaces an empty directory by itself
  const old = `${target}.old-${process.pid}`;
  await rename(target, old);
  try {
    await rename(temporary, target);
  } catch (error) {
    await rename(old, target);
    throw error;
  }
  await removeTree(old);
}

/** A removal that goes through a mount takes the host's files with it, `/dev` for one. */
async function removeTree(path: string): Promise<void> {
  refuseMounts(path, path);
  // A process that was killed may still be writing for a moment: then a directory is not empty after all.
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function refuseMounts(dir: string, target: string): void {
  const below = mountPoints().find((path) => path === target || path.startsWith(`${target}/`));
  if (below !== undefined) throw conflict(dir, `${below} is mounted in it`, `umount ${below}`);
}

function isMountPoint(target: string): boolean {
  return mountPoints().includes(target);
}

/** proc_pid_mountinfo(5): the fifth field, with blanks, newlines and backslashes in octal. */
function mountPoints(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.flatMap((line) => {
    const path = line.split(' ')[4];
    return path === undefined
      ? []
      : [path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))];
  });
}

function conflict(dir: string, why: string, hint: string): TsrunError {
  return new TsrunError('conflict', `make the root file system ${dir}: ${why}`, { hint });
}

function interrupted(dir: string): TsrunError {
  return new TsrunError('system', `make the root file system ${dir}: interrupted`, {
    code: 'ABORT_ERR',
    exitCode: 130,
  });
}

/** Node's errors say `ENOSPC: no space left on device, copyfile '/a' -> '/b'`: they lack the goal. */
function explained(dir: string, error: unknown): Error {
  if (error instanceof TsrunError || !(error instanceof Error)) return error as Error;
  const code = (error as NodeJS.ErrnoException).code;
  const kind = code === 'EACCES' || code === 'EPERM' ? 'permission' : code === 'EEXIST' ? 'conflict' : 'system';
  return new TsrunError(kind, `make the root file system ${dir}: ${error.message}`, { code, cause: error });
}
