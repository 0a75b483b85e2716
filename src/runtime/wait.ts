import { Socket } from 'node:net';
import { CONTROL } from '../kernel/abi.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { parseMessage } from './relay.ts';

const P_PID = 1;
const WEXITED = 4;
const LOST = 125;

/** The monitor is a child of ours that nobody else waits for (libuv reaps only its own). It ends right after its last message. */
function reap(monitor: number): void {
  const why = 'the monitor has said its last word';
  const child = { idtype: P_PID, id: monitor, infop: null, options: WEXITED };
  play('wait', [step('waitid', child, why, { ignoreErrors: true })]);
}

/**
 * Waits until the command has ended and been cleaned up after, without a thread and without blocking the event loop. Takes over the
 * control socket and closes it. @returns the command's exit code; 125 when the monitor is lost
 */
export function waitForExit({ control, monitor }: { control: number; monitor: number }): Promise<number> {
  return new Promise((resolve) => {
    let code = LOST;
    let rest = Buffer.alloc(0);
    const socket = new Socket({ fd: control, readable: true, writable: false });
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= CONTROL.bytes; rest = rest.subarray(CONTROL.bytes)) {
        const message = parseMessage(rest.subarray(0, CONTROL.bytes));
        if (message?.type === CONTROL.exited) code = message.value;
      }
    });
    socket.on('error', () => socket.destroy()); // a reset: the monitor was killed with a word of ours unread
    socket.on('close', () => {
      reap(monitor);
      resolve(code);
    });
  });
}
