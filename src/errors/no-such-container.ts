import { TsrunError } from './tsrun-error.ts';

/** Docker's words and its exit code: 1 whichever verb asks, also `exec`. No `run` or `create` looks for a container. */
export function noSuchContainer(reference: string, hint?: string): TsrunError {
  return new TsrunError('not-found', `No such container: ${reference}`, { exitCode: 1, hint });
}
