import { getSystemErrorMap } from 'node:util';
import { TsrunError } from './tsrun-error.ts';

/** `EACCES` and `permission denied` for 13. libuv's list lacks some; those are `errno N`. */
export function errnoText(errno: number): { code: string; meaning: string } {
  const known = getSystemErrorMap().get(-errno) ?? extra()[errno];
  return known ? { code: known[0], meaning: known[1] } : { code: `errno ${errno}`, meaning: 'unknown error' };
}
const extra = (): Record<number, [string, string]> => ({
  14: ['EFAULT', 'bad address in system call argument'],
  122: ['EDQUOT', 'disk quota exceeded'],
  116: ['ESTALE', 'stale file handle'],
  8: ['ENOEXEC', 'exec format error'],
  15: ['ENOTBLK', 'block device required'],
  10: ['ECHILD', 'no child processes'],
  33: ['EDOM', 'argument out of domain'],
});

export interface SyscallErrorOptions {
  errno: number;
  /** Name of the system call or pseudo-step. */
  syscall: string;
  /** The call with its arguments, as strace prints it. */
  call: string;
  /** Why the step was there. */
  step?: string;
  path?: string;
  hint?: string | undefined;
  exitCode?: number;
  cause?: unknown;
}

/** A system call failed. Has the fields of Node's own system errors: code, errno, syscall, path. */
export class SyscallError extends TsrunError {
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;
  /** Why the step was there. */
  readonly step: string | undefined;

  constructor(goal: string, options: SyscallErrorOptions) {
    const { code, meaning } = errnoText(options.errno);
    super('system', `${goal}: ${options.call}: ${code} ${meaning}`, {
      code,
      hint: options.hint,
      exitCode: options.exitCode,
      cause: options.cause,
    });
    this.name = 'SyscallError';
    this.errno = -options.errno;
    this.syscall = options.syscall;
    this.path = options.path;
    this.step = options.step;
  }
}
