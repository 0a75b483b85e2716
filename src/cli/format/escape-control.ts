const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Makes text from a container (name, command, label) harmless on a terminal: an escape sequence in it is shown
 * (`\x1b[2J`), not obeyed. All of C0, DEL, C1 and the bidirectional controls are replaced, newlines and tabs too.
 */
export function escapeControl(text: string): string {
  // Control characters, line and paragraph separators, the marks that turn the direction of text around, halves of pairs. Here and
  // without a \p{…}, because the look at a regular expression costs a start a third of a millisecond.
  const unsafe = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\ud800-\udfff]/gu;
  return text.replace(unsafe, (char) => {
    const code = char.charCodeAt(0);
    if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
    return (
      NAMED[char] ??
      (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`)
    );
  });
}
