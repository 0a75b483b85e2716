import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';

/** Node's error in our words. */
export function fileError(goal: string, error: unknown, hint?: string): TsrunError {
  if (error instanceof TsrunError) return error;
  const { code, syscall, path, message } = error as NodeJS.ErrnoException;
  const meaning = message.match(/^[A-Z0-9]+: ([^,]+)/)?.[1] ?? message;
  const call = syscall ? `${syscall}(${path === undefined ? '' : JSON.stringify(path)})` : 'internal';
  return new TsrunError('system', `${goal}: ${call}: ${code ?? ''} ${meaning}`, {
    code,
    hint: hint ?? hintFor(code),
    cause: error,
  });
}

function hintFor(code: string | undefined): string | undefined {
  if (code === 'EROFS') return 'the file system is read-only; use --data-root on another';
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'make room on that file system, or use --data-root on another';
  if (code === 'EACCES' || code === 'EPERM')
    return process.geteuid?.() === 0
      ? 'even root may not do that there; use --data-root on another file system'
      : 'run as root';
  return undefined;
}

/**
 * Whole or not at all; for what a reboot takes away anyway. `ours`: with that very mode, whatever the umask. The temporary file is made
 * anew, never followed: a pidfile may lie in a directory that is open to all.
 */
export function writeWhole(path: string, text: string, mode = 0o600, ours = true): void {
  const temporary = `${path}.tmp-${process.pid}`;
  const fd = openSync(temporary, 'wx', mode);
  try {
    if (ours && (mode & 0o077) !== 0) fchmodSync(fd, mode);
    writeSync(fd, text);
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** mkdir -p with a mode that the umask does not change. */
export function makeDirectory(path: string, mode: number): void {
  if (existsSync(path)) return; // most often; an exception would take ten times as long
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    makeDirectories(dirname(path), 0o755);
    mkdirSync(path, { mode });
  }
  chmodSync(path, mode);
}

/** mkdir -p. Node's own goes round for ever where nothing can be made: in /proc, and in a directory that has been removed. */
export function makeDirectories(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    makeDirectories(parent, mode);
    makeDirectories(path, mode);
  }
}

/** No file of ours is as long. */
const MOST_BYTES = 64 << 20;

/**
 * Nobody waits for who might write into a fifo in its place, nor reads a device that has no end: both are empty, and so is what is too
 * long for any file of ours. @throws Node's errors
 */
export function readText(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    const isOurs = found.isFile() ? found.size <= MOST_BYTES : found.isDirectory(); // EISDIR says what that is
    return isOurs ? readFileSync(fd, 'utf8') : '';
  } finally {
    closeSync(fd);
  }
}

/** undefined when it is not there. */
export function readTextIfThere(path: string): string | undefined {
  try {
    return readText(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return undefined;
    throw error;
  }
}

/** Lower-case hex digits of that many random bytes, from the kernel. (node:crypto would cost milliseconds of start-up.) */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

const RANDOM_AT_ONCE = 256;
let random: Buffer = Buffer.alloc(0);

export function randomBytes(count: number): Buffer {
  if (random.length < count) random = readRandom(Math.max(count, RANDOM_AT_ONCE));
  const bytes = random.subarray(0, count);
  random = random.subarray(count);
  return bytes;
}

/** @throws rather than return less: zeros would be everybody's names */
function readRandom(count: number): Buffer {
  const buffer = Buffer.alloc(count);
  const fd = openSync('/dev/urandom', 'r');
  try {
    if (readSync(fd, buffer) !== count) throw new Error('/dev/urandom gave less than was asked for');
  } finally {
    closeSync(fd);
  }
  return buffer;
}
