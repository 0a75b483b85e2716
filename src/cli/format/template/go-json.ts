import { fromData, mapEntries, NIL_LIST, TypedMap, type Value } from './value.ts';

export interface JsonOptions {
  /** `<`, `>` and `&` as \u003c, \u003e, \u0026: what Go does in a row's own MarshalJSON. */
  readonly escapeHtml?: boolean;
  /** Keys of plain objects in their order, not as they stand. */
  readonly sortKeys?: boolean;
}

const LINE_ENDS: Record<string, string> = { '\u2028': '\\u2028', '\u2029': '\\u2029' };
const HTML: Record<string, string> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };

function jsonText(text: string, options: JsonOptions): string {
  const whole = JSON.stringify(text.replace(/[\ud800-\udfff]/gu, '\ufffd'));
  const safe = whole.replace(/[\u2028\u2029]/g, (char) => LINE_ENDS[char] as string);
  return options.escapeHtml === true ? safe.replace(/[<>&]/g, (char) => HTML[char] as string) : safe;
}

/** Compact JSON with Go's escapes. Methods and undefined members are left out. */
export function goJson(value: Value, options: JsonOptions = {}): string {
  if (value === null || value === undefined || value === NIL_LIST || typeof value === 'function') return 'null';
  if (typeof value === 'string') return jsonText(value, options);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((element) => goJson(element, options)).join(',')}]`;
  if (value instanceof TypedMap && value.entries === null) return 'null';
  const members =
    options.sortKeys === true || value instanceof TypedMap ? mapEntries(value as TypedMap) : inPlace(value);
  return `{${members.map(([key, member]) => `${jsonText(key, options)}:${goJson(member, options)}`).join(',')}}`;
}

/** A daemon writes the fields of a struct in their own order, and docker's `json` keeps it. */
function inPlace(value: object): [string, Value][] {
  return Object.entries(value)
    .filter(([, member]) => member !== undefined && typeof member !== 'function')
    .map(([key, member]) => [key, fromData(member)]);
}
