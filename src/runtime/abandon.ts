import { closeSync, readdirSync } from 'node:fs';
import { monotonicMs } from '../kernel/clock.ts';
import { processBirth } from '../kernel/procfs.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { sayOutputGone, sendSignal } from './control.ts';
import type { Connected } from './launch.ts';
import { reap } from './wait.ts';

const SIGKILL = 9;
const SIGSTOP = 19;
const ENTERING_ENDS_MS = 2000;
const LOOK_EVERY_MS = 5;

/**
 * Ends what was started and cannot go on, and its monitor, which cleans up after it. The control socket is the caller's to close.
 * @param closeStreams the caller's ends of them: a monitor waits until who started it has read all that was written, or is gone
 */
export function killAndReap(
  { control, monitor }: Pick<Connected, 'control' | 'monitor'>,
  closeStreams: () => void,
): void {
  sendSignal(control, SIGKILL);
  closeStreams();
  // Told, too: when the plan has given us descriptors of our own already, Node's threads still have the old ones, and never read.
  for (const stream of [1, 2] as const) sayOutputGone(control, stream);
  reap(monitor);
}

/** The same, with all descriptors. */
export function abandon(connected: Connected): void {
  const { control, terminal, stdin, stdout, stderr } = connected;
  const close = (...fds: (number | undefined)[]) => fds.forEach((fd) => fd !== undefined && closeSync(fd));
  killAndReap(connected, () => close(terminal, stdin, stdout, stderr));
  close(control);
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const birth = processBirth(pid);
      return birth?.parent === parent && !'ZX'.includes(birth.state);
    });
}

const kill = (pid: number, sig: number, why: string) =>
  play('kill', [step('kill', { pid, sig }, why, { ignoreErrors: true })]);

/**
 * Ends a monitor that is still entering a container, with all that it has cloned: one of those that is stopped would go on some day,
 * with nobody who knows of it. The monitor is stopped first: it then neither ends, which would part it from its children, nor reaps
 * them, so that their pids stay theirs. They clone each other, so until twice none is found.
 */
export async function killEntering(monitor: number): Promise<void> {
  const deadline = monotonicMs() + ENTERING_ENDS_MS;
  kill(monitor, SIGSTOP, 'no step further');
  try {
    for (let none = 0; none < 2 && monotonicMs() < deadline; ) {
      const left = childrenOf(monitor);
      none = left.length === 0 ? none + 1 : 0;
      for (const pid of left) kill(pid, SIGKILL, 'it is not to execute');
      if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    kill(monitor, SIGKILL, 'a child of ours, not reaped yet');
    reap(monitor);
  }
}
