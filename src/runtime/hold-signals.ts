import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';

/** SIGHUP, SIGINT, SIGQUIT, SIGTERM: what a user or a service manager ends a command line with. */
const ENDING = [1, 2, 3, 15].reduce((set, signal) => set | (1 << (signal - 1)), 0);

function hold(set: number, why: string): number {
  return play('hold signals', [step('hold_signals', { set }, why, { save: 'waiting' })]).value('waiting');
}

/**
 * From now on such a signal waits instead of ending this process, which may have half a container in its hands. For the command line
 * only: a program's signals are its own.
 */
export function holdSignals(): void {
  hold(ENDING, 'what is begun is finished or undone before any of these ends us');
}

/** Is there one that waits? */
export function isSignalWaiting(): boolean {
  return hold(ENDING, 'has one come meanwhile') !== 0;
}

/** Lets them in again: one that waits ends this process here and now, as it would have in the first place. */
export function releaseSignals(): void {
  hold(0, 'nothing is half made any more');
}
