/** A TypeScript source with its comments blanked, and one with the contents of its strings blanked as well. */
export interface SourceText {
  readonly code: string;
  readonly bare: string;
}

const LITERALS = [
  { type: 'comment', pattern: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y },
  { type: 'string', pattern: /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y },
  { type: 'regex', pattern: /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y },
] as const;

/** A slash begins a regular expression after these; after a value it divides. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|case|typeof|of|in|await|yield))\s*$/;

/** Line numbers stay: blanks take the place of every character but the newlines. */
export function sourceText(source: string): SourceText {
  const text = { code: '', bare: '' };
  scan(source, 0, text, false);
  return text;
}

function blank(piece: string): string {
  return piece.replace(/[^\n]/g, ' ');
}

/** Copies code up to the end, or up to the brace that closes a template's `${`; returns where it stopped. */
function scan(source: string, from: number, text: { code: string; bare: string }, nested: boolean): number {
  let at = from;
  let depth = 0;
  while (at < source.length) {
    const literal = literalAt(source, at, text.bare);
    const character = source[at] ?? '';
    if (literal) {
      text.code += literal.type === 'comment' ? blank(literal.piece) : literal.piece;
      text.bare += blank(literal.piece);
      at += literal.piece.length;
    } else if (character === '`') {
      at = scanTemplate(source, at, text);
    } else {
      if (nested && character === '}' && depth === 0) return at;
      depth += character === '{' ? 1 : character === '}' ? -1 : 0;
      text.code += character;
      text.bare += character;
      at += 1;
    }
  }
  return at;
}

function literalAt(source: string, at: number, before: string): { type: string; piece: string } | undefined {
  for (const { type, pattern } of LITERALS) {
    if (type === 'regex' && !BEFORE_REGEX.test(before.slice(-40))) continue;
    pattern.lastIndex = at;
    const piece = pattern.exec(source)?.[0];
    if (piece !== undefined) return { type, piece };
  }
  return undefined;
}

/** The text of a template is a string, what stands in its `${}` is code. */
function scanTemplate(source: string, from: number, text: { code: string; bare: string }): number {
  const copy = (piece: string): void => {
    text.code += piece;
    text.bare += blank(piece);
  };
  copy('`');
  let at = from + 1;
  while (at < source.length && source[at] !== '`') {
    const length = source[at] === '\\' || source.startsWith('${', at) ? 2 : 1;
    const isCode = source.startsWith('${', at);
    copy(source.slice(at, at + length));
    at += length;
    if (isCode) at = scan(source, at, text, true);
  }
  copy('`');
  return at + 1;
}

/** One import or re-export. `dynamic` is `import('…')`, `typeOnly` leaves nothing at run time. */
export interface Import {
  readonly specifier: string;
  readonly names: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

export function importsOf(code: string): Import[] {
  const declarations = code.matchAll(/^[ \t]*(?:import|export)\b(\s+type\b)?([^'"`;=()]*?)\bfrom\s*['"]([^'"]+)['"]/gm);
  const sideEffects = code.matchAll(/^[ \t]*import\s*['"]([^'"]+)['"]/gm);
  const calls = code.matchAll(/\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g);
  const one = (specifier = '', names = '', typeOnly = false, dynamic = false): Import => {
    return { specifier, names, typeOnly, dynamic };
  };
  return [
    ...[...declarations].map(([, type, names, specifier]) => one(specifier, names, type !== undefined)),
    ...[...sideEffects].map(([, specifier]) => one(specifier)),
    ...[...calls].map(([, specifier]) => one(specifier, '', false, true)),
  ];
}
