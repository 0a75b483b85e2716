import { usageError } from './usage-error.ts';

/** Linux signal numbers on x86_64 and arm64 (signal(7)); the C library keeps 32 and 33 for itself. */
const numbers = (): ReadonlyMap<string, number> =>
  new Map([
    ['HUP', 1],
    ['INT', 2],
    ['QUIT', 3],
    ['ILL', 4],
    ['TRAP', 5],
    ['ABRT', 6],
    ['IOT', 6],
    ['BUS', 7],
    ['FPE', 8],
    ['KILL', 9],
    ['USR1', 10],
    ['SEGV', 11],
    ['USR2', 12],
    ['PIPE', 13],
    ['ALRM', 14],
    ['TERM', 15],
    ['STKFLT', 16],
    ['CHLD', 17],
    ['CLD', 17],
    ['CONT', 18],
    ['STOP', 19],
    ['TSTP', 20],
    ['TTIN', 21],
    ['TTOU', 22],
    ['URG', 23],
    ['XCPU', 24],
    ['XFSZ', 25],
    ['VTALRM', 26],
    ['PROF', 27],
    ['WINCH', 28],
    ['IO', 29],
    ['POLL', 29],
    ['PWR', 30],
    ['SYS', 31],
  ]);
const RTMIN = 34;
const RTMAX = 64;

/** `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3`, `SIGRTMAX-1` → 1 … 64. */
export function parseSignal(text: string): number {
  const number = /^[0-9]{1,3}$/.test(text) ? Number(text) : named(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined || number < 1 || number > RTMAX) {
    throw usageError(`invalid signal: ${text}`, 'write a name such as TERM or RTMIN+3, or a number from 1 to 64');
  }
  return number;
}

/** 15 → `SIGTERM`, 35 → `SIGRTMIN+1`. */
export function signalName(number: number): string {
  if (number >= RTMIN) return `SIGRTMIN${number === RTMIN ? '' : `+${number - RTMIN}`}`;
  const [name] = [...numbers()].find(([, one]) => one === number) ?? [number];
  return `SIG${name}`;
}

/** The text itself, once it has been found to be one. */
export function checkedSignal(text: string): string {
  parseSignal(text);
  return text;
}

function named(name: string): number | undefined {
  const real = /^RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (real === null) return numbers().get(name);
  const [, base, sign, digits = '0'] = real;
  if (sign !== undefined && (sign === '+') !== (base === 'MIN')) return undefined;
  const found = base === 'MIN' ? RTMIN + Number(digits) : RTMAX - Number(digits);
  return found >= RTMIN && found <= RTMAX ? found : undefined;
}
