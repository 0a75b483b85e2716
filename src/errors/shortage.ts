import { TsrunError } from './tsrun-error.ts';

const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * For who takes a file that cannot be read as one that is not there: with no descriptor or memory left nothing can be read, and what
 * runs would seem to have ended.
 * @throws TsrunError 'system' when that is why `error` was thrown
 */
export function rethrowShortage(error: unknown, path: string): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!SHORTAGES.has(code)) return;
  throw new TsrunError('system', `read ${path}: ${message.replace(/^(\w+): ([^,]+).*$/s, '$1 $2')}`, {
    code,
    hint: code === 'EMFILE' ? 'too few descriptors are allowed: see `ulimit -n`' : 'this machine has none left',
    cause: error,
  });
}
