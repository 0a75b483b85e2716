import { TsrunError } from '../errors/tsrun-error.ts';
import { tracePlans } from '../plan/play.ts';
import { renderPlan } from '../plan/render.ts';
import { escapeControl } from './format/escape-control.ts';
import { printError, silenceWarnings } from './report.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'];

/** `debug` shows every plan as it is played, on standard error. @throws TsrunError 'usage' */
export function setLogLevel(wanted: string): void {
  if (!LEVELS.includes(wanted)) {
    throw new TsrunError(
      'usage',
      `invalid argument "${wanted}" for "--log-level" flag: it is one of ${LEVELS.join(', ')}`,
    );
  }
  if (LEVELS.indexOf(wanted) > LEVELS.indexOf('warn')) silenceWarnings();
  if (wanted !== 'debug') return;
  tracePlans((goal, steps) =>
    printError(
      renderPlan(steps)
        .map((line) => `debug: ${escapeControl(goal)}: ${escapeControl(line)}\n`)
        .join(''),
    ),
  );
}
