import { fault } from './fault.ts';
import { formatValue, sprintf } from './printf.ts';
import { compareText, isMap, typeName, type Value } from './value.ts';

const ORDERED = new Set(['bigint', 'number', 'string']);

function isNil(value: Value): boolean {
  return value === null || value === undefined;
}

function isBasic(value: Value): boolean {
  return ORDERED.has(typeof value) || typeof value === 'boolean';
}

function same(a: Value, b: Value): boolean {
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  const bothBasic = isBasic(a) && isBasic(b);
  if (isBasic(a) !== isBasic(b) || (bothBasic && typeof a !== typeof b))
    throw fault('incompatible types for comparison');
  if (bothBasic) return a === b;
  if (Array.isArray(a) !== Array.isArray(b) || isMap(a) !== isMap(b))
    throw fault(`non-comparable types ${formatValue(a)}: ${typeName(a)}, ${typeName(b)}: ${formatValue(b)}`);
  throw fault(`non-comparable type ${sprintf('%s', [a])}: ${typeName(b)}`);
}

/** True if the first is equal to one of the others. An int is never equal to a float: that is an error in Go. */
export function equalsAny(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw fault('missing argument for comparison');
  return others.some((other) => same(first, other));
}

/** Numbers, strings by their bytes; below 0, 0 or above 0. */
export function order(a: Value, b: Value): number {
  if (!isBasic(a) || !isBasic(b)) throw fault('invalid type for comparison');
  if (typeof a !== typeof b) throw fault('incompatible types for comparison');
  if (typeof a === 'boolean') throw fault('invalid type for comparison');
  if (typeof a === 'string') return compareText(a, b as string);
  const left = a as bigint | number;
  const right = b as bigint | number;
  return left < right ? -1 : left > right ? 1 : 0;
}
