import { abandon } from '../runtime/abandon.ts';
import { holdSignals, isSignalWaiting, releaseSignals } from '../runtime/hold-signals.ts';
import type { Connected } from '../runtime/launch.ts';

const LOOK_EVERY_MS = 20;

/**
 * Starts something and returns when it runs, with ^C and its like held back: a signal that comes meanwhile ends this process once what
 * was begun has been undone, with the status that the signal would have given it. After that they stay held, for the relay to find.
 * @param interrupt what to do when one comes while `start` waits for others; nothing special when nothing is made by then
 */
export async function startUninterrupted<T extends Connected>(
  start: () => T | Promise<T>,
  interrupt: () => void = releaseSignals,
): Promise<T> {
  holdSignals();
  try {
    const begun = start();
    const started = begun instanceof Promise ? await watched(begun, interrupt) : begun;
    if (isSignalWaiting()) {
      abandon(started);
      releaseSignals();
    }
    return started;
  } catch (error) {
    releaseSignals();
    throw error;
  }
}

async function watched<T>(begun: Promise<T>, interrupt: () => void): Promise<T> {
  const looking = setInterval(() => {
    if (isSignalWaiting()) interrupt();
  }, LOOK_EVERY_MS);
  try {
    return await begun;
  } finally {
    clearInterval(looking);
  }
}
