import { closeSync } from 'node:fs';
import type { Connected } from './launch.ts';
import { sayGo, sendSignal } from './relay.ts';
import { reap } from './wait.ts';

const SIGKILL = 9;

/** Ends what was started and cannot go on, and its monitor, which cleans up after it. The descriptors are the caller's to close. */
export function killAndReap({ control, monitor }: Pick<Connected, 'control' | 'monitor'>): void {
  sendSignal(control, SIGKILL);
  sayGo(control);
  reap(monitor);
}

/** The same, with the descriptors. */
export function abandon(connected: Connected): void {
  killAndReap(connected);
  const { control, terminal, stdin, stdout, stderr } = connected;
  for (const fd of [control, terminal, stdin, stdout, stderr]) if (fd !== undefined) closeSync(fd);
}
