import { usageError } from './usage-error.ts';

/**
 * One line of CSV (RFC 4180) → its fields: `a="x,y"` is wrong, `"a=x,y"` is one field, `""` inside quotes is a quote.
 * --mount is written this way in Docker too.
 */
export function parseCsvLine(text: string): string[] {
  if (/[\r\n]/.test(text))
    throw usageError('a line break in a mount option', 'paths with line breaks cannot be mounted this way');
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (let more = true; more; ) {
    const match = field.exec(text);
    if (match === null) {
      throw usageError(
        `a quote in the wrong place in '${text}'`,
        'quote whole fields: \'type=bind,"source=/a,b",target=/x\'',
      );
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    more = match[3] === ',';
  }
  return fields;
}
