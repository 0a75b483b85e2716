import { TsrunError } from '../../../errors/tsrun-error.ts';

/** A mistake in a template. Whoever knows the place puts it in front of the message. */
export function fault(message: string): TsrunError {
  return new TsrunError('usage', message, { code: 'ERR_TSRUN_TEMPLATE' });
}

/** The same mistake with more in front of its words. */
export function prefixed(prefix: string, error: unknown): unknown {
  return error instanceof TsrunError ? fault(prefix + error.message) : error;
}
