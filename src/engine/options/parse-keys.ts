import { usageError } from './usage-error.ts';

const MOST = 16;
/** What stands behind `ctrl-` besides letters, from code 27 on. */
const BRACKETS = '[\\]^_';

/** `ctrl-p,ctrl-q`, `a,b,ctrl-[` → key codes. @throws TsrunError 'usage' */
export function parseKeys(text: string): number[] {
  const keys = text.split(',').map((key) => keyCode(key, text));
  if (keys.length > MOST) throw usageError(`Invalid detach keys (${text}): ${MOST} keys are the most`);
  return keys;
}

function keyCode(key: string, text: string): number {
  const [, control] = key.match(/^ctrl-(.)$/) ?? [];
  if (control === '@') return 0;
  if (control !== undefined && /[a-z]/.test(control)) return control.charCodeAt(0) - 96;
  if (control !== undefined && BRACKETS.includes(control)) return 27 + BRACKETS.indexOf(control);
  if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
  throw usageError(
    `Invalid detach keys (${text}): Unknown character: '${key}'`,
    'a key, or ctrl- and one of a-z @ [ \\ ] ^ _; several with commas between them',
  );
}
