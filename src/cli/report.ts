import { writeSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { fileError } from '../store/files.ts';
import { escapeControl } from './format/escape-control.ts';

/** Docker's code for a failure of its own. */
export const OWN_FAILURE = 125;

/** Of a call of Node's that nobody expected to fail: the machine's fault, and none of ours. */
const isSystems = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';

/** *tsrun: goal: call: CODE meaning*, then the hint on its own line. What a container or a file named must not steer the terminal. */
export function errorText(error: unknown): string {
  if (!(error instanceof TsrunError) && isSystems(error)) return errorText(fileError(process.argv[2] ?? '', error));
  if (!(error instanceof TsrunError))
    return `tsrun: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nhint: this is a defect of tsrun; please report it\n`;
  const hint = error.hint === undefined ? '' : `\nhint: ${escapeControl(error.hint)}`;
  return `tsrun: ${escapeControl(error.message)}${hint}\n`;
}

let warnings = true;
/** For --log-level error and above. */
export function silenceWarnings(): void {
  warnings = false;
}

export function warn(text: string): void {
  if (warnings) printError(`tsrun: warning: ${escapeControl(text)}\n`);
}

/** Says why a verb failed; the process ends with that exit code. */
export function sayFailure(error: unknown): void {
  printError(errorText(error));
  process.exitCode = error instanceof TsrunError ? error.exitCode : OWN_FAILURE;
}

export function print(text: string): void {
  writeAll(1, text);
}

/** For output without end. @returns false when nobody reads it any more */
export function printToReader(text: string): boolean {
  return writeAll(1, text);
}

export function printError(text: string): void {
  writeAll(2, text);
}

const TRY_EVERY_MS = 5;

/** Whole, also into a pipe that is full at the moment. */
function writeAll(fd: number, text: string): boolean {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return false;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_EVERY_MS);
    }
  }
  return true;
}
