import { Socket } from 'node:net';
import { CONTROL } from '../kernel/protocol.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { parseMessage, sayInputEnded, sayOutputGone, sendSignal } from './control.ts';

const P_PID = 1;
const WEXITED = 4;
const LOST = 125;
const LINGERS_MS = 100;

/**
 * Takes the end of a child of ours that nobody else waits for (libuv reaps only its own), or it stays a zombie for as long as this
 * process lives. Blocks until it has ended.
 */
export function reap(pid: number): void {
  const child = { idtype: P_PID, id: pid, infop: null, options: WEXITED };
  play('wait', [step('waitid', child, 'the monitor, a child of ours', { ignoreErrors: true })]);
}

/** The control socket in the hands of the event loop. Its words do nothing once the command has ended. */
export interface Followed {
  /** The command's exit code, once it has ended and been cleaned up after; 125 when the monitor is lost. */
  exited: Promise<number>;
  /** Sends a signal to the command. */
  signal(number: number): void;
  /** What is written to the command is complete. */
  endInput(): void;
  /** Nobody reads its stdout (1) or stderr (2) any more: it is told so. */
  endOutput(stream: 1 | 2): void;
}

/** Takes over the control socket and closes it, without a thread and without blocking the event loop. */
export function follow({ control, monitor }: { control: number; monitor: number }): Followed {
  const socket = new Socket({ fd: control, readable: true, writable: false });
  const exited = new Promise<number>((resolve) => {
    let code = LOST;
    let stays = false;
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= CONTROL.bytes; rest = rest.subarray(CONTROL.bytes)) {
        const message = parseMessage(rest.subarray(0, CONTROL.bytes));
        stays ||= message?.type === CONTROL.stays;
        if (message?.type !== CONTROL.exited) continue;
        code = message.value;
        // It ends right after this word, unless we have still to read what the container wrote.
        setTimeout(() => resolve(code), LINGERS_MS).unref();
      }
    });
    socket.on('error', () => socket.destroy()); // a reset: the monitor was killed with a word of ours unread
    socket.on('close', () => {
      if (!stays) reap(monitor); // else it starts the container again, and is nobody's to wait for
      resolve(code);
    });
  });
  // `destroyed` is set before the descriptor is closed: from then on its number may be anybody's. Not through the socket's own
  // write(): when the monitor has just gone, its error would take the last word with it, unread.
  const unlessOver = (say: () => void) => {
    if (!socket.destroyed) say();
  };
  return {
    exited,
    signal: (number) => unlessOver(() => sendSignal(control, number)),
    endInput: () => unlessOver(() => sayInputEnded(control)),
    endOutput: (stream) => unlessOver(() => sayOutputGone(control, stream)),
  };
}

/** For a client without streams, which started nothing: the exit code, or undefined when the monitor is lost. Takes the socket over. */
export function waitForWord(control: number): Promise<number | undefined> {
  const socket = new Socket({ fd: control, readable: true, writable: false });
  return new Promise((resolve) => {
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= CONTROL.bytes; rest = rest.subarray(CONTROL.bytes)) {
        const message = parseMessage(rest.subarray(0, CONTROL.bytes));
        if (message?.type !== CONTROL.exited) continue;
        resolve(message.value);
        socket.destroy();
        return;
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(undefined));
  });
}

/** Waits until the command has ended and been cleaned up after. Takes over the control socket. */
export function waitForExit(connected: { control: number; monitor: number }): Promise<number> {
  return follow(connected).exited;
}
