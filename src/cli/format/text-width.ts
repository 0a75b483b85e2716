// Unicode's East Asian wide and full-width characters; emoji are wide, the letters of flags and the skin tones are not.
const WIDE = new RegExp(
  '(?![\\u{1f1e6}-\\u{1f1ff}\\u{1f3fb}-\\u{1f3ff}])[\\p{Emoji_Presentation}\\u1100-\\u115f\\u2329\\u232a\\u2e80-\\u303e\\u3041-\\u33ff' +
    '\\u3400-\\u4dbf\\u4e00-\\ua4cf\\ua960-\\ua97f\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe10-\\ufe19\\ufe30-\\ufe6f\\uff01-\\uff60' +
    '\\uffe0-\\uffe6\\u{16fe0}-\\u{1b2ff}\\u{1f200}-\\u{1f265}\\u{20000}-\\u{3fffd}]',
  'u',
);
const ZERO = /[\p{M}\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u206a-\u206f\ufeff\ufff9-\ufffb]/u;

/** Columns that one code point takes on a terminal: 1, 2 for a wide one, 0 for a mark on the one before. */
export function runeWidth(rune: string): number {
  if (ZERO.test(rune)) return 0;
  return WIDE.test(rune) ? 2 : 1;
}

/** Made when it is first needed: the making reads ICU's tables, 20 ms that every start would pay. */
let characters: Intl.Segmenter | undefined;

/** Columns that a text takes: what is joined into one character counts once. */
export function textWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  characters ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  let width = 0;
  for (const { segment } of characters.segment(text))
    width += Array.from(segment, runeWidth).find((size) => size > 0) ?? 0;
  return width;
}
