import { goQuote } from './quote.ts';

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'identifier'
  | 'keyword'
  | 'field'
  | 'variable'
  | 'dot'
  | 'nil'
  | 'bool'
  | 'number'
  | 'char-constant'
  | 'string'
  | 'raw-string'
  | 'left-paren'
  | 'right-paren'
  | 'pipe'
  | 'assign'
  | 'declare'
  | 'char'
  | 'error'
  | 'eof';

export interface Token {
  readonly kind: TokenKind;
  /** The source text; the message of an `error`. */
  readonly text: string;
  /** Index into the template. */
  readonly pos: number;
  /** From 1. */
  readonly line: number;
}

const KEYWORDS = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']);
const CLOSE = '}}';
const WORD = /[\p{L}\p{Nd}_]+/uy;
const SPACES = /[ \t\r\n]+/y;
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)/y;

/** Stops the scan; the message becomes the last token. */
class ScanStop {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

class Scanner {
  readonly tokens: Token[] = [];
  private readonly text: string;
  private pos = 0;
  private line = 1;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  run(): Token[] {
    try {
      while (this.textAndAction());
      this.emit('eof', 0);
    } catch (stop) {
      if (!(stop instanceof ScanStop)) throw stop;
      this.tokens.push({ kind: 'error', text: stop.message, pos: this.pos, line: this.line });
    }
    return this.tokens;
  }

  private emit(kind: TokenKind, length: number): void {
    const text = this.text.slice(this.pos, this.pos + length);
    this.tokens.push({ kind, text, pos: this.pos, line: this.line });
    this.skip(length);
  }

  private skip(length: number): void {
    for (const end = this.pos + length; this.pos < end; this.pos++) if (this.text[this.pos] === '\n') this.line++;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.pos;
    return pattern.exec(this.text)?.[0] ?? '';
  }

  private startsWith(what: string, offset = 0): boolean {
    return this.text.startsWith(what, this.pos + offset);
  }

  /** Text up to the next `{{`, cut when a `{{-` follows, and what is in there; false at the end of the template. */
  private textAndAction(): boolean {
    const found = this.text.indexOf('{{', this.pos);
    const end = found < 0 ? this.text.length : found;
    const trims = found >= 0 && /^-[ \t\r\n]/.test(this.text.slice(found + 2, found + 4));
    const raw = this.text.slice(this.pos, end);
    const kept = trims ? raw.replace(/[ \t\r\n]+$/, '') : raw;
    if (kept !== '') this.emit('text', kept.length);
    this.skip(end - this.pos);
    if (found < 0) return false;
    const opening = trims ? 4 : 2;
    if (this.startsWith('/*', opening)) {
      this.skip(opening);
      this.comment();
      return true;
    }
    this.emit('open', 2);
    this.skip(opening - 2);
    this.action();
    return true;
  }

  private comment(): void {
    const end = this.text.indexOf('*/', this.pos);
    if (end < 0) throw new ScanStop('unclosed comment');
    this.skip(end + 2 - this.pos);
    const delimiter = this.closing();
    if (delimiter === 0) throw new ScanStop('comment ends before closing delimiter');
    this.skip(delimiter);
    if (delimiter > CLOSE.length) this.skip(this.match(SPACES).length);
  }

  /** Length of a closing delimiter here with its ` -`, 0 if there is none. */
  private closing(): number {
    if (this.startsWith(CLOSE)) return CLOSE.length;
    return /[ \t\r\n]/.test(this.text[this.pos] ?? '') && this.startsWith(`-${CLOSE}`, 1) ? CLOSE.length + 2 : 0;
  }

  private action(): void {
    this.depth = 0;
    for (;;) {
      const delimiter = this.closing();
      if (delimiter > 0) {
        if (this.depth > 0) throw new ScanStop('unclosed left paren');
        this.skip(delimiter - CLOSE.length);
        this.emit('close', CLOSE.length);
        if (delimiter > CLOSE.length) this.skip(this.match(SPACES).length);
        return;
      }
      this.item();
    }
  }

  private item(): void {
    const char = this.text[this.pos];
    if (char === undefined) throw new ScanStop('unclosed action');
    if (/[ \t\r\n]/.test(char)) return this.spaces();
    if (char === '"') return this.emit('string', this.quoted('"', 'unterminated quoted string'));
    if (char === "'") return this.emit('char-constant', this.quoted("'", 'unterminated character constant'));
    if (char === '`') return this.rawString();
    if (char === '$') return this.name('variable');
    if (char === '.' && !/[0-9]/.test(this.text[this.pos + 1] ?? '')) return this.name('field');
    if (/[.+\-0-9]/.test(char)) return this.number();
    if (this.match(WORD) !== '') return this.word();
    this.punctuation(char);
  }

  private spaces(): void {
    const length = this.match(SPACES).length;
    // The last blank before -}} belongs to the delimiter.
    const trims = this.text.startsWith(`-${CLOSE}`, this.pos + length);
    if (length > (trims ? 1 : 0)) this.emit('space', trims ? length - 1 : length);
  }

  private quoted(mark: string, unterminated: string): number {
    for (let at = this.pos + 1; ; at++) {
      const char = this.text[at];
      if (char === mark) return at + 1 - this.pos;
      if (char === '\\') at++;
      if (this.text[at] === undefined || this.text[at] === '\n') throw new ScanStop(unterminated);
    }
  }

  private rawString(): void {
    const end = this.text.indexOf('`', this.pos + 1);
    if (end < 0) throw new ScanStop('unterminated raw quoted string');
    this.emit('raw-string', end + 1 - this.pos);
  }

  /** `.Name`, `$name`, or the bare `.` and `$`. */
  private name(kind: 'field' | 'variable'): void {
    const start = this.pos;
    this.pos++;
    const length = this.match(WORD).length;
    this.pos = start;
    this.terminated(1 + length);
    this.emit(kind === 'field' && length === 0 ? 'dot' : kind, 1 + length);
  }

  private word(): void {
    const word = this.match(WORD);
    this.terminated(word.length);
    if (KEYWORDS.has(word)) this.emit('keyword', word.length);
    else if (word === 'nil') this.emit('nil', word.length);
    else if (word === 'true' || word === 'false') this.emit('bool', word.length);
    else this.emit('identifier', word.length);
  }

  private terminated(length: number): void {
    const after = this.text.slice(this.pos + length);
    if (after === '' || /^[ \t\r\n.,|:()]/.test(after) || after.startsWith(CLOSE)) return;
    const char = String.fromCodePoint(after.codePointAt(0) ?? 0);
    throw new ScanStop(`bad character ${unicodeName(char)}`);
  }

  private number(): void {
    const text = this.match(NUMBER);
    this.pos += text.length;
    const tail = this.match(WORD);
    this.pos -= text.length;
    if (tail !== '') throw new ScanStop(`bad number syntax: ${goQuote(text + (Array.from(tail)[0] ?? ''))}`);
    this.emit('number', text.length);
  }

  private punctuation(char: string): void {
    if (char === '=') return this.emit('assign', 1);
    if (char === '|') return this.emit('pipe', 1);
    if (char === ':') {
      if (!this.startsWith('=', 1)) throw new ScanStop('expected :=');
      return this.emit('declare', 2);
    }
    if (char === '(') {
      this.depth++;
      return this.emit('left-paren', 1);
    }
    if (char === ')') {
      if (--this.depth < 0) throw new ScanStop('unexpected right paren');
      return this.emit('right-paren', 1);
    }
    if (/[!-~]/.test(char)) return this.emit('char', 1);
    const whole = String.fromCodePoint(this.text.codePointAt(this.pos) ?? 0);
    throw new ScanStop(`unrecognized character in action: ${unicodeName(whole)}`);
  }
}

function unicodeName(char: string): string {
  const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char) ? `U+${code} '${char}'` : `U+${code}`;
}

/** All tokens of a Go template; the last one is `eof`, or `error` with the reason in its text. */
export function tokenize(text: string): Token[] {
  return new Scanner(text).run();
}
