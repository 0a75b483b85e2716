/** Decimal digits of a positive number, and the power of ten of the first one. */
interface Digits {
  readonly digits: string;
  readonly exponent: number;
}

function split(exponential: string): Digits {
  const [mantissa, exponent] = exponential.split('e') as [string, string];
  return { digits: mantissa.replace('.', ''), exponent: Number(exponent) };
}

/**
 * `count` significant digits; the shortest exact ones without it. Go rounds a tie to the even digit where
 * toExponential takes the larger one: 12.25 is 12.2 in `docker ps`, not 12.3.
 */
function significant(value: number, count?: number): Digits {
  if (count === undefined || value === 0)
    return split(value.toExponential(count === undefined ? undefined : count - 1));
  const rounded = split(value.toExponential(count - 1));
  const longer = split(value.toExponential(count));
  const isTie = isHalf(value, count);
  const isEven = Number(longer.digits.at(-2)) % 2 === 0;
  return isTie && isEven ? { digits: longer.digits.slice(0, -1), exponent: longer.exponent } : rounded;
}

/** True if exactly a half follows the first `count` digits; a hundred digits tell it from a neighbour. */
function isHalf(value: number, count: number): boolean {
  return /^50*$/.test(split(value.toExponential(100)).digits.slice(count));
}

function exponential({ digits, exponent }: Digits): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function plain({ digits, exponent }: Digits): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

function general(value: number, precision: number | undefined): string {
  const rounded = significant(value, precision === undefined ? undefined : Math.max(1, precision));
  const digits = { ...rounded, digits: rounded.digits.replace(/(?<=.)0+$/, '') };
  // Go decides for the shortest form as if the precision were 6.
  const limit = precision === undefined ? 6 : Math.max(1, precision);
  return digits.exponent < -4 || digits.exponent >= limit ? exponential(digits) : plain(digits);
}

function fixed(value: number, precision: number): string {
  if (value >= 1e21) return BigInt(value).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '');
  const { exponent } = significant(value);
  const count = exponent + 1 + precision;
  if (count === 0 && isHalf(value, 0)) return (0).toFixed(precision);
  if (value === 0 || count < 1 || count > 100) return value.toFixed(Math.min(precision, 100));
  const rounded = significant(value, count);
  const text = plain(rounded);
  const [whole, fraction = ''] = text.split('.') as [string, string?];
  return precision > 0 ? `${whole}.${fraction.padEnd(precision, '0')}` : whole;
}

/** A float64 as Go's fmt writes it, without a sign for positive ones; precision undefined is the verb's default. */
export function formatFloat(value: number, verb: 'e' | 'f' | 'g', precision?: number): string {
  if (Number.isNaN(value)) return 'NaN';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign || '+'}Inf`;
  if (verb === 'g') return sign + general(size, precision);
  if (verb === 'f') return sign + fixed(size, precision ?? 6);
  return sign + exponential(significant(size, Math.min((precision ?? 6) + 1, 100)));
}
