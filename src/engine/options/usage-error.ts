import { TsrunError } from '../../errors/tsrun-error.ts';

/** An option's value is wrong. Control characters are shown as escapes, so that a value cannot steer the reader's terminal. */
export function usageError(message: string, hint?: string): TsrunError {
  return new TsrunError('usage', visible(message), { hint });
}

/** C0, DEL and C1 as `\x1b`. */
export function visible(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

export function hasControl(text: string): boolean {
  return /[\x00-\x1f\x7f-\x9f]/.test(text);
}
