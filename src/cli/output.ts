import { isatty } from 'node:tty';
import { escapeControl } from './format/escape-control.ts';
import { print } from './report.ts';

/** Whatever the terminal might obey, as JSON's own escapes: the same values for every reader. */
export function jsonText(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The output of a template: as it is for a program, harmless for a terminal. */
export function printTemplate(text: string): void {
  print(`${templateText(text)}\n`);
}

export function templateText(text: string): string {
  if (!isatty(1)) return text;
  const parts = text.split(/([\n\t])/);
  return parts.map((part) => (/^[\n\t]$/.test(part) ? part : escapeControl(part))).join('');
}
