/** What went wrong, in the words that decide the exit code and the hint. */
export type ErrorKind =
  | 'usage' // the command line or an option's value
  | 'config' // a config.json, a state file or an image field
  | 'not-found' // no such container, directory, program
  | 'conflict' // a name or an id that is taken, a state that does not allow it
  | 'unsupported' // this machine or kernel cannot
  | 'permission'
  | 'system' // a system call failed
  | 'internal';

export interface TsrunErrorOptions {
  /** Node's `code`: an errno name (`ENOENT`) or one of ours (`ERR_TSRUN_…`). */
  code?: string | undefined;
  /** What the reader can do about it; printed on its own line. */
  hint?: string | undefined;
  /** Exit code of the command line: 125 unless the container's own command is to blame (126, 127). */
  exitCode?: number | undefined;
  cause?: unknown;
}

/** Every error that tsrun raises on purpose. `message` is *goal: call: CODE meaning*, without the hint. */
export class TsrunError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(kind: ErrorKind, message: string, options: TsrunErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TsrunError';
    this.kind = kind;
    this.code = options.code ?? `ERR_TSRUN_${kind.toUpperCase().replaceAll('-', '_')}`;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 125;
  }
}

/** An AbortSignal of the caller's has ended it. */
export function calledOff(goal: string): TsrunError {
  return new TsrunError('system', `${goal}: called off`, { code: 'ECANCELED' });
}
