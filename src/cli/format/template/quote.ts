const SHORT: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** True for what Go prints as it is: letters, marks, numbers, punctuation, symbols and the plain blank. */
export function isPrintable(char: string): boolean {
  return PRINTABLE.test(char);
}

function escapeRune(char: string, ascii: boolean): string {
  const short = SHORT[char];
  if (short !== undefined) return short;
  const code = char.codePointAt(0) ?? 0;
  if (isPrintable(char) && (!ascii || code < 0x80)) return char;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code >= 0xd800 && code <= 0xdfff) return ascii ? '\\ufffd' : '\ufffd';
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** A Go string literal in double quotes (strconv.Quote), with only ASCII if asked (`%+q`). */
export function goQuote(text: string, ascii = false): string {
  return `"${Array.from(text, (char) => (char === '"' ? '\\"' : escapeRune(char, ascii))).join('')}"`;
}

/** A Go rune literal in single quotes (strconv.QuoteRune). */
export function goQuoteRune(char: string): string {
  return `'${char === "'" ? "\\'" : escapeRune(char, false)}'`;
}

const ESCAPE = /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|[\s\S]|$)/g;
const LONG: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' };

/** The text inside a Go string or character literal; undefined if an escape is not one of Go's. */
export function goUnquote(body: string, mark: '"' | "'"): string | undefined {
  let bytes = false;
  let wrong = false;
  const text = body.replace(ESCAPE, (whole, short?: string, hex?: string, u4?: string, u8?: string, octal?: string) => {
    if (short !== undefined) {
      if ((short === '"' || short === "'") && short !== mark) wrong = true;
      return LONG[short] ?? short;
    }
    const code = Number.parseInt(hex ?? u4 ?? u8 ?? octal ?? '', octal === undefined ? 16 : 8);
    if (Number.isNaN(code) || code > 0x10ffff || (octal !== undefined && code > 0xff)) wrong = true;
    if (wrong) return whole;
    if ((hex ?? octal) !== undefined && code > 0x7f && mark === '"') bytes = true;
    return String.fromCodePoint(code);
  });
  if (wrong) return undefined;
  // \xNN stands for one byte: only then may the characters spell UTF-8.
  return bytes ? fromByteEscapes(body) : text;
}

function fromByteEscapes(body: string): string {
  const parts = body.split(/(\\x[0-9a-fA-F]{2}|\\[0-7]{3})/).map((part, index) => {
    if (index % 2 === 0) return Buffer.from(goUnquote(part, '"') ?? part);
    return Buffer.of(part.startsWith('\\x') ? Number.parseInt(part.slice(2), 16) : Number.parseInt(part.slice(1), 8));
  });
  return Buffer.concat(parts).toString();
}
