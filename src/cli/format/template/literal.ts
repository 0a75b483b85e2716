import { fault } from './fault.ts';
import type { Token } from './lexer.ts';
import { goQuote, goUnquote } from './quote.ts';

const MAX_UINT = (1n << 64n) - 1n;
const MAX_INT = (1n << 63n) - 1n;
const UNDERSCORES = /^[+-]?0[xXbBoO](?:_?[0-9a-fA-F])+$|^[+-]?(?:0_?)?[0-9](?:_?[0-9])*$/;

/** Go's untyped constant: bigint for an int, number for a float64, undefined where an int is too small for it. */
export function numberLiteral(token: Token): bigint | number | undefined {
  if (token.kind === 'char-constant') return charLiteral(token.text);
  const text = token.text;
  const isInteger = /^[+-]?(?:0[xXbBoO].*|[0-9_]+)$/.test(text);
  if (!isInteger) {
    const value = text.includes('_') || !/[0-9]/.test(text) ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) throw fault(`illegal number syntax: ${goQuote(text)}`);
    return value;
  }
  if (!UNDERSCORES.test(text)) throw fault(`illegal number syntax: ${goQuote(text)}`);
  const value = integer(text.replaceAll('_', ''));
  if (value === undefined || value > MAX_UINT || value < -MAX_INT - 1n)
    throw fault(`integer overflow: ${goQuote(text)}`);
  return value > MAX_INT ? undefined : value;
}

function integer(text: string): bigint | undefined {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[+-]/, '');
  const isOldOctal = /^0[0-9]+$/.test(digits);
  if (isOldOctal && /[89]/.test(digits)) return undefined;
  const value = BigInt(isOldOctal ? `0o${digits.slice(1)}` : digits.toLowerCase());
  return negative ? -value : value;
}

function charLiteral(text: string): bigint {
  const value = goUnquote(text.slice(1, -1), "'");
  if (value === undefined || Array.from(value).length !== 1) throw fault(`malformed character constant: ${text}`);
  return BigInt(value.codePointAt(0) ?? 0);
}

/** The value of a `"…"` or `` `…` `` token. */
export function stringLiteral(token: Token): string {
  const body = token.text.slice(1, -1);
  if (token.kind === 'raw-string') return body.replaceAll('\r', '');
  const value = goUnquote(body, '"');
  if (value === undefined) throw fault('invalid syntax');
  return value;
}
