import { closeSync } from 'node:fs';
import { thaw } from '../cgroup/freeze.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { becomesReady } from '../runtime/poll.ts';
import { cgroupPath } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { recordEvent } from './events/record-event.ts';
import { findContainer } from './find.ts';
import { type FirstProcess, openFirstProcess } from './first-process.ts';

export const SIGKILL = 9;
const PATIENCE_MS = 10_000;

/** To PID 1 and nobody else. That it has ended already is no error. */
export function sendSignal({ pidfd }: FirstProcess, sig: number, goal: string): void {
  const send = { pidfd: slot('pidfd'), sig, info: null, flags: 0 };
  play(goal, [step('pidfd_send_signal', send, 'to PID 1', { expect: { ESRCH: 0 } })], { pidfd });
}

/** Whether PID 1 ends within that time. */
export async function endsWithin({ pidfd }: FirstProcess, ms: number): Promise<boolean> {
  return becomesReady(pidfd, ms, 'the end of PID 1');
}

/**
 * `tsrun kill [-s]`. After SIGKILL it has ended, paused or not.
 * @throws TsrunError 'conflict' when it does not run
 */
export async function killContainer(engine: Engine, reference: string, signo: number): Promise<void> {
  const goal = `kill ${reference}`;
  refuseForeignDirectories(engine, goal);
  const record = findContainer(engine, reference);
  const first = openFirstProcess(engine, record, goal);
  if (first === undefined)
    throw new TsrunError('conflict', `cannot kill container: ${reference}: container ${record.id} is not running`, {
      exitCode: 1,
      hint: 'see `tsrun ps -a`',
    });
  try {
    recordEvent(engine, record, 'kill', { signal: String(signo) });
    sendSignal(first, signo, goal);
    if (signo !== SIGKILL) return;
    thaw(engine.cgroups, cgroupPath(record.id), goal); // cgroup v1 ends nothing that is frozen
    await endsWithin(first, PATIENCE_MS);
  } finally {
    closeSync(first.pidfd);
  }
}
