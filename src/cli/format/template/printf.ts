import { formatFloat } from './float.ts';
import { goQuote, goQuoteRune } from './quote.ts';
import { fromData, isMap, mapEntries, typeName, type Value } from './value.ts';

/** One `%…` of a format. */
interface Verb {
  readonly letter: string;
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

const PLAIN: Verb = { letter: 'v', flags: '', width: undefined, precision: undefined };
const BASES: Record<string, number> = { b: 2, o: 8, O: 8, d: 10, v: 10, x: 16, X: 16 };

function pad(text: string, verb: Verb): string {
  const missing = (verb.width ?? 0) - Array.from(text).length;
  if (missing <= 0) return text;
  if (verb.flags.includes('-')) return text + ' '.repeat(missing);
  if (!verb.flags.includes('0')) return ' '.repeat(missing) + text;
  const isSigned = /^[+-]/.test(text) && /^[dvxXobOeEfFgG]$/.test(verb.letter);
  return isSigned ? text.slice(0, 1) + '0'.repeat(missing) + text.slice(1) : '0'.repeat(missing) + text;
}

function bad(value: Value, verb: Verb): string {
  return `%!${verb.letter}(${value === null ? '<nil>' : `${typeName(value)}=${formatValue(value)}`})`;
}

function signed(text: string, verb: Verb): string {
  if (text.startsWith('-') || text.startsWith('+')) return text;
  return (verb.flags.includes('+') ? '+' : verb.flags.includes(' ') ? ' ' : '') + text;
}

function formatInteger(value: bigint, verb: Verb): string {
  const base = BASES[verb.letter];
  if (base === undefined) return formatRune(value, verb);
  const size = (value < 0n ? -value : value).toString(base);
  const digits = (verb.letter === 'X' ? size.toUpperCase() : size).padStart(verb.precision ?? 0, '0');
  const marks: Record<string, string> = { x: '0x', X: '0X', o: '0', b: '0b' };
  const mark = verb.letter === 'O' ? '0o' : verb.flags.includes('#') ? (marks[verb.letter] ?? '') : '';
  const zeros = verb.flags.includes('0') && !verb.flags.includes('-') && verb.precision === undefined;
  const sign = signed(value < 0n ? '-' : '', verb);
  const room = zeros ? (verb.width ?? 0) - sign.length : 0;
  return pad(sign + mark + digits.padStart(room, '0'), { ...verb, flags: verb.flags.replace('0', '') });
}

function formatRune(value: bigint, verb: Verb): string {
  const valid = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn);
  const char = valid ? String.fromCodePoint(Number(value)) : '\ufffd';
  if (verb.letter === 'c') return pad(char, verb);
  if (verb.letter === 'q') return pad(goQuoteRune(char), verb);
  if (verb.letter === 'U') return pad(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, verb);
  return bad(value, verb);
}

function formatNumber(value: number, verb: Verb): string {
  // docker prints the numbers of a JSON document with the digits they have there.
  if (verb.letter === 'v' && verb.precision === undefined) return pad(signed(String(value), verb), verb);
  const letter = verb.letter === 'v' ? 'g' : verb.letter.toLowerCase();
  if (letter !== 'e' && letter !== 'f' && letter !== 'g') return bad(value, verb);
  const text = signed(formatFloat(value, letter, verb.precision), verb);
  return pad(/[EG]/.test(verb.letter) ? text.toUpperCase() : text, verb);
}

function formatText(value: string, verb: Verb): string {
  const cut = verb.precision === undefined ? value : Array.from(value).slice(0, verb.precision).join('');
  if (verb.letter === 's' || verb.letter === 'v') return pad(cut, verb);
  if (verb.letter === 'q') {
    const isRaw = verb.flags.includes('#') && !/[`\x00-\x08\x0a-\x1f\x7f\ufeff]/.test(cut);
    return pad(isRaw ? `\`${cut}\`` : goQuote(cut, verb.flags.includes('+')), verb);
  }
  if (verb.letter !== 'x' && verb.letter !== 'X') return bad(value, verb);
  const hex = Buffer.from(value).subarray(0, verb.precision).toString('hex');
  const spaced = verb.flags.includes(' ') ? (hex.match(/../g) ?? []).join(' ') : hex;
  return pad(verb.letter === 'X' ? spaced.toUpperCase() : spaced, verb);
}

function formatOne(value: Value, verb: Verb): string {
  if (verb.letter === 'T') return pad(value === null ? '<nil>' : typeName(value), verb);
  if (value === null) return verb.letter === 'v' ? pad('<nil>', verb) : bad(null, verb);
  if (typeof value === 'string') return formatText(value, verb);
  if (typeof value === 'bigint') return formatInteger(value, verb);
  if (typeof value === 'number') return formatNumber(value, verb);
  if (typeof value === 'boolean') return /^[tv]$/.test(verb.letter) ? pad(String(value), verb) : bad(value, verb);
  if (Array.isArray(value)) return `[${value.map((element) => formatElement(fromData(element), verb)).join(' ')}]`;
  if (!isMap(value)) return bad(value, verb);
  return `map[${mapEntries(value)
    .map(([key, element]) => `${formatOne(key, verb)}:${formatElement(element, verb)}`)
    .join(' ')}]`;
}

/** Inside a list or map nil is `<nil>` for every verb. */
function formatElement(value: Value, verb: Verb): string {
  return value === null || value === undefined ? '<nil>' : formatOne(value, verb);
}

/** A value as Go's `%v` prints it: `map[a:1 b:2]`, `[a b]`, `<nil>`. */
export function formatValue(value: Value): string {
  return formatOne(value === undefined ? null : value, PLAIN);
}

const DIRECTIVE = /%([-+# 0]*)(\*|[0-9]+)?(?:(\.)(\*|[0-9]*))?(?:\[([0-9]+)\])?([\s\S]|$)/gu;

/** A larger width or precision would let a template ask for all memory. */
const LARGEST = 1_000_000;

/** The arguments of one Sprintf, taken in turn. */
class Arguments {
  private readonly values: readonly Value[];
  private position = 0;
  private jumped = false;

  constructor(values: readonly Value[]) {
    this.values = values;
  }

  /** False if there is no argument of that number, from 1. */
  jump(number: string): boolean {
    this.jumped = true;
    this.position = Number(number) - 1;
    return this.position >= 0 && this.position < this.values.length;
  }

  get isAtEnd(): boolean {
    return this.position >= this.values.length;
  }

  take(): Value {
    return this.values[this.position++] ?? null;
  }

  /** A width or precision: digits of the format, or `*` for an argument; null for one that is no good. */
  size(text: string | undefined): number | null | undefined {
    if (text === undefined) return undefined;
    if (text !== '*') return Number(text) > LARGEST ? undefined : Number(text);
    const value = this.take();
    return typeof value === 'bigint' && value <= LARGEST && value >= -LARGEST ? Number(value) : null;
  }

  /** What Go writes about arguments that no verb took. */
  get rest(): string {
    const extra = this.jumped ? [] : this.values.slice(this.position);
    const words = extra.map((value) => (value == null ? '<nil>' : `${typeName(value)}=${formatValue(value)}`));
    return words.length === 0 ? '' : `%!(EXTRA ${words.join(', ')})`;
  }
}

/** Go's fmt.Sprintf. What does not fit is in the text as Go puts it there (`%!d(string=x)`, `%!s(MISSING)`). */
export function sprintf(format: string, values: readonly Value[]): string {
  const args = new Arguments(values);
  const text = format.replace(DIRECTIVE, (_all, flags: string, wide, dot, fine, number, letter: string) => {
    const width = args.size(wide);
    const precision = dot === undefined ? undefined : args.size(fine);
    const complaint = (width === null ? '%!(BADWIDTH)' : '') + (precision === null ? '%!(BADPREC)' : '');
    if (letter === '') return '%!(NOVERB)';
    if (letter === '%') return '%';
    if (number !== undefined && !args.jump(number)) return `%!${letter}(BADINDEX)`;
    if (args.isAtEnd) return `%!${letter}(MISSING)`;
    return complaint + formatOne(args.take(), verbOf(letter, flags, width ?? undefined, precision ?? undefined));
  });
  return text + args.rest;
}

/** A negative width from an argument pads on the right, a negative precision is none. */
function verbOf(letter: string, flags: string, width: number | undefined, precision: number | undefined): Verb {
  const isLeft = width !== undefined && width < 0;
  return {
    letter,
    flags: isLeft ? `${flags}-` : flags,
    width: isLeft ? -width : width,
    precision: precision !== undefined && precision < 0 ? undefined : precision,
  };
}

/** Go's fmt.Sprint: a blank between two operands when neither is a string. */
export function sprint(args: readonly Value[]): string {
  return args.reduce((text: string, value, index) => {
    const blank = index > 0 && typeof value !== 'string' && typeof args[index - 1] !== 'string';
    return text + (blank ? ' ' : '') + formatValue(value);
  }, '');
}

/** Go's fmt.Sprintln. */
export function sprintln(args: readonly Value[]): string {
  return `${args.map(formatValue).join(' ')}\n`;
}
