import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../../src/errors/tsrun-error.ts';

/** One test a row: what a text is read as. */
export function reads<T>(
  test: Test,
  read: (text: string) => T,
  rows: ReadonlyArray<readonly [text: string, value: unknown]>,
): void {
  for (const [text, value] of rows) test(`reads ${JSON.stringify(text)}`, () => assert.equal(read(text), value));
}

/** One test a row: what is said about a text that is refused; always a TsrunError 'usage'. */
export function refuses(
  test: Test,
  read: (text: string) => unknown,
  rows: ReadonlyArray<readonly [text: string, message: RegExp | string]>,
): void {
  for (const [text, message] of rows) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      const error = failure(() => read(text));
      assert.is(error.kind, 'usage');
      if (typeof message === 'string') assert.is(error.message, message);
      else assert.match(error.message, message);
    });
  }
}

/** The TsrunError that `run` throws. */
export function failure(run: () => unknown): TsrunError {
  try {
    run();
  } catch (error) {
    if (error instanceof TsrunError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
