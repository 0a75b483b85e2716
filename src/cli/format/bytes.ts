import { escapeControl } from './escape-control.ts';

/** A well-formed character of UTF-8 (RFC 3629), each byte as a character of Latin-1; or else one byte. */
const CHARACTER =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

/** The name of a file as text: what is no UTF-8 is shown as `\xff`, and so is what a terminal would obey. */
export function nameText(name: Buffer): string {
  const text = name
    .toString('latin1')
    .replace(CHARACTER, (found) =>
      found.length > 1 ? Buffer.from(found, 'latin1').toString('utf8') : `\\x${found.charCodeAt(0).toString(16)}`,
    );
  return escapeControl(text);
}
