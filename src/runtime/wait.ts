import { closeSync } from 'node:fs';
import { CONTROL } from '../kernel/abi.ts';
import { slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import type { Connected } from './launch.ts';
import { nextMessage } from './relay.ts';

const P_PID = 1;
const WEXITED = 4;
const LOST = 125;

/** The monitor is a child of ours that nobody else waits for. It ends right after its last message. */
function reapSteps(): Step[] {
  return [
    step('waitid', { idtype: P_PID, id: slot('monitor'), infop: null, options: WEXITED }, 'the monitor has ended', {
      ignoreErrors: true,
    }),
  ];
}

/**
 * Waits until the command has ended and been cleaned up after, without blocking the event loop, and lets go of all descriptors.
 * Standard output and error are the caller's to read meanwhile. @returns its exit code; 125 when the monitor is lost
 */
export async function waitForExit(connected: Connected): Promise<number> {
  const { control, terminal, stdin, stdout, stderr, monitor } = connected;
  let code = LOST;
  for (let message = await nextMessage(control); message !== undefined; message = await nextMessage(control)) {
    if (message.type !== CONTROL.exited) continue;
    code = message.value;
    break;
  }
  play('wait', reapSteps(), { monitor });
  for (const fd of [control, terminal, stdin, stdout, stderr]) if (fd !== undefined) closeSync(fd);
  return code;
}
