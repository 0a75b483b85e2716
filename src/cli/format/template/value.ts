import { fault } from './fault.ts';

/**
 * A value of a running template. undefined is Go's invalid value (prints `<no value>`), null a nil interface,
 * bigint an int, number a float64. Plain objects are maps; functions are methods.
 */
export type Value = unknown;

/**
 * A map of which Go would know the type: a key that is missing is no error and has the zero value `zero`.
 * `entries` null is Go's nil map.
 */
export class TypedMap {
  readonly entries: Record<string, unknown> | null;
  readonly zero: unknown;
  constructor(entries: Record<string, unknown> | null | undefined, zero: unknown) {
    this.entries = entries ?? null;
    this.zero = zero;
  }
}

/** Go's nil slice: in every respect an empty list, but `null` as JSON. */
export const NIL_LIST: readonly never[] = Object.freeze([]);

/** JSON's numbers become Go's: whole ones int, others float64. Large ones keep the digits that JSON has for them. */
export function fromData(value: unknown): Value {
  if (typeof value !== 'number') return value;
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(String(value)) : value;
}

export function isMap(value: Value): value is Record<string, unknown> | TypedMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own keys only: `constructor` and `__proto__` are data like any other name, or missing. */
export function mapHas(map: Record<string, unknown> | TypedMap, key: string): boolean {
  const entries = map instanceof TypedMap ? (map.entries ?? {}) : map;
  return Object.hasOwn(entries, key) && entries[key] !== undefined;
}

export function mapGet(map: Record<string, unknown> | TypedMap, key: string): Value {
  if (!mapHas(map, key)) return undefined;
  return fromData(map instanceof TypedMap ? map.entries?.[key] : map[key]);
}

/** The order of Go's strings: by bytes of UTF-8, that is by code point. */
export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Entries in the order of their keys, without methods. */
export function mapEntries(map: Record<string, unknown> | TypedMap): [string, Value][] {
  const entries = map instanceof TypedMap ? (map.entries ?? {}) : map;
  return Object.keys(entries)
    .filter((key) => entries[key] !== undefined && typeof entries[key] !== 'function')
    .sort(compareText)
    .map((key) => [key, fromData(entries[key])]);
}

/** Go's truth: not false, 0, "", nil or empty. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return mapEntries(value).length > 0;
  return typeof value === 'function' || Boolean(value);
}

/** The name of the Go type, for messages. */
export function typeName(value: Value): string {
  if (value === null || value === undefined) return 'interface {}';
  if (Array.isArray(value)) return '[]interface {}';
  if (isMap(value))
    return value instanceof TypedMap && value.zero === '' ? 'map[string]string' : 'map[string]interface {}';
  const names: Record<string, string> = { bigint: 'int', number: 'float64', boolean: 'bool', function: 'func()' };
  return names[typeof value] ?? typeof value;
}

export function asIndex(value: Value, length: number): number {
  if (value === null || value === undefined) throw fault('cannot index slice/array with nil');
  if (typeof value !== 'bigint') throw fault(`cannot index slice/array with type ${typeName(value)}`);
  if (value < 0n || value > BigInt(length)) throw fault(`index out of range: ${value}`);
  return Number(value);
}
