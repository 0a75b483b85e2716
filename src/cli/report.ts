import { writeSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { escapeControl } from './format/escape-control.ts';

/** *tsrun: goal: call: CODE meaning*, then the hint on its own line. What a container or a file named must not steer the terminal. */
export function errorText(error: unknown): string {
  if (!(error instanceof TsrunError))
    return `tsrun: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nhint: this is a defect of tsrun; please report it\n`;
  const hint = error.hint === undefined ? '' : `\nhint: ${escapeControl(error.hint)}`;
  return `tsrun: ${escapeControl(error.message)}${hint}\n`;
}

export function print(text: string): void {
  writeAll(1, text);
}

export function printError(text: string): void {
  writeAll(2, text);
}

/** Whole, also into a pipe that is full at the moment. */
function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}
