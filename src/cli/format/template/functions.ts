import { equalsAny, order } from './compare.ts';
import { fault } from './fault.ts';
import { goJson } from './go-json.ts';
import { sprint, sprintf, sprintln } from './printf.ts';
import { isPrintable } from './quote.ts';
import { asIndex, fromData, isMap, isTrue, mapGet, mapHas, TypedMap, typeName, type Value } from './value.ts';

export type Parameter = 'any' | 'string' | 'int' | 'strings';

/** A function of the template language. Arguments arrive checked against their types. */
export interface TemplateFunction {
  readonly parameters: readonly Parameter[];
  /** Type of any number of further arguments. */
  readonly variadic?: Parameter;
  run(...args: Value[]): unknown;
}

export type TemplateFunctions = Readonly<Record<string, TemplateFunction>>;

/** A function with fixed parameters. */
export function takes(parameters: readonly Parameter[], run: (...args: never[]) => unknown): TemplateFunction {
  return { parameters, run: run as TemplateFunction['run'] };
}

/** A function with further parameters of one type. */
function takesMore(parameters: readonly Parameter[], run: (...args: never[]) => unknown): TemplateFunction {
  return { parameters, variadic: 'any', run: run as TemplateFunction['run'] };
}

function length(value: Value): bigint {
  if (value === null) throw fault('len of nil pointer');
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value));
  if (Array.isArray(value)) return BigInt(value.length);
  if (isMap(value)) return BigInt(Object.keys(value instanceof TypedMap ? (value.entries ?? {}) : value).length);
  throw fault(`len of type ${typeName(value)}`);
}

function indexOnce(item: Value, key: Value): Value {
  if (item === null || item === undefined) throw fault('index of nil pointer');
  if (Array.isArray(item) || typeof item === 'string') return indexList(item, key);
  if (!isMap(item)) throw fault(`can't index item of type ${typeName(item)}`);
  if (key === null) throw fault('value is nil; should be of type string');
  if (typeof key !== 'string') throw fault(`value has type ${typeName(key)}; should be string`);
  if (mapHas(item, key)) return mapGet(item, key);
  return item instanceof TypedMap ? item.zero : null;
}

function indexList(item: readonly unknown[] | string, key: Value): Value {
  const list = typeof item === 'string' ? Buffer.from(item) : item;
  const index = asIndex(key, list.length);
  if (index >= list.length) throw fault(`index out of range: ${index}`);
  return fromData(list[index]);
}

function index(item: Value, ...keys: Value[]): Value {
  if (item === null) throw fault('index of untyped nil');
  return keys.reduce(indexOnce, item);
}

function slice(item: Value, ...ends: Value[]): Value {
  if (item === null) throw fault('slice of untyped nil');
  if (ends.length > 3) throw fault(`too many slice indexes: ${ends.length}`);
  if (!Array.isArray(item) && typeof item !== 'string') throw fault(`can't slice item of type ${typeName(item)}`);
  if (typeof item === 'string' && ends.length === 3) throw fault('cannot 3-index slice a string');
  const list: readonly unknown[] | Buffer = typeof item === 'string' ? Buffer.from(item) : item;
  const [start = 0, end = list.length, capacity = list.length] = ends.map((bound) => asIndex(bound, list.length));
  if (start > end) throw fault(`invalid slice index: ${start} > ${end}`);
  if (end > capacity) throw fault(`invalid slice index: ${end} > ${capacity}`);
  return list instanceof Buffer ? list.subarray(start, end).toString() : list.slice(start, end);
}

const HTML: Record<string, string> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
};

function escapeScript(text: string): string {
  return Array.from(text, (char) => {
    if (char === '\\' || char === "'" || char === '"') return `\\${char}`;
    if (/[<>&=]/.test(char)) return unicodeEscape(char);
    return char === '\x7f' || isPrintable(char) ? char : unicodeEscape(char);
  }).join('');
}

function unicodeEscape(char: string): string {
  return `\\u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function escapeQuery(text: string): string {
  const percent = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '\ufffd'))
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, percent);
}

/** Arguments of the escapers: one text as it is, everything else printed. */
function escaper(escapeText: (text: string) => string): TemplateFunction {
  return takesMore([], (...args: Value[]) =>
    escapeText(
      args.length === 1 && args[0] === null ? '<no value>' : sprint(args.map((value) => value ?? '<no value>')),
    ),
  );
}

/** The functions that every Go template has. */
const GO_FUNCTIONS: TemplateFunctions = {
  and: takesMore(['any'], (first: Value) => first),
  or: takesMore(['any'], (first: Value) => first),
  not: takes(['any'], (value: Value) => !isTrue(value)),
  eq: takesMore(['any'], (first: Value, ...others: Value[]) => equalsAny(first, others)),
  ne: takes(['any', 'any'], (a: Value, b: Value) => !equalsAny(a, [b])),
  lt: takes(['any', 'any'], (a: Value, b: Value) => order(a, b) < 0),
  le: takes(['any', 'any'], (a: Value, b: Value) => order(a, b) <= 0),
  gt: takes(['any', 'any'], (a: Value, b: Value) => order(a, b) > 0),
  ge: takes(['any', 'any'], (a: Value, b: Value) => order(a, b) >= 0),
  len: takes(['any'], length),
  index: takesMore(['any'], index),
  slice: takesMore(['any'], slice),
  call: takesMore(['any'], (method: (...args: Value[]) => Value, ...args: Value[]) => method(...args)),
  print: takesMore([], (...args: Value[]) => sprint(args)),
  println: takesMore([], (...args: Value[]) => sprintln(args)),
  printf: takesMore(['string'], (format: string, ...args: Value[]) => sprintf(format, args)),
  html: escaper((text) => text.replace(/["'&<>\0]/g, (char) => HTML[char] as string)),
  js: escaper(escapeScript),
  urlquery: escaper(escapeQuery),
};

function cut(text: string, size: bigint): string {
  const bytes = Buffer.from(text);
  if (size < 0n) throw fault(`runtime error: slice bounds out of range [:${size}]`);
  return bytes.length < size ? text : bytes.subarray(0, Number(size)).toString();
}

function surround(text: string, before: bigint, after: bigint): string {
  if (text === '') return text;
  if (before < 0n || after < 0n) throw fault('strings: negative Repeat count');
  if (before > 1_000_000n || after > 1_000_000n) throw fault('more than a million blanks');
  return ' '.repeat(Number(before)) + text + ' '.repeat(Number(after));
}

function title(text: string): string {
  return text.replace(/(?<![\p{L}\p{Nd}_])\p{L}/gu, upper);
}

/** Go maps one code point to one: ß has no capital of its own. */
function upper(text: string): string {
  return Array.from(text, (char) => (Array.from(char.toUpperCase()).length === 1 ? char.toUpperCase() : char)).join('');
}

function lower(text: string): string {
  return Array.from(text, (char) => Array.from(char.toLowerCase())[0] ?? char).join('');
}

/** Docker's own functions. */
const DOCKER_FUNCTIONS: TemplateFunctions = {
  json: takes(['any'], (value: Value) => goJson(value)),
  split: takes(['string', 'string'], (text: string, separator: string) =>
    separator === '' ? Array.from(text) : text.split(separator),
  ),
  join: takes(['strings', 'string'], (list: readonly string[], separator: string) => list.join(separator)),
  title: takes(['string'], title),
  lower: takes(['string'], lower),
  upper: takes(['string'], upper),
  pad: takes(['string', 'int', 'int'], surround),
  truncate: takes(['string', 'int'], cut),
};

/** All functions of a `--format` template. */
export const FORMAT_FUNCTIONS: TemplateFunctions = { ...GO_FUNCTIONS, ...DOCKER_FUNCTIONS };
