/** What is said between a monitor and who started it: native/protocol.h. */
import { readSync, writeSync } from 'node:fs';
import { CONTROL } from '../kernel/protocol.ts';

export interface ControlMessage {
  type: number;
  value: number;
}

export function parseMessage(bytes: Buffer, length = bytes.length): ControlMessage | undefined {
  return length === CONTROL.bytes ? { type: bytes.readUInt32LE(0), value: bytes.readInt32LE(4) } : undefined;
}

/** Waits for the monitor's next message; undefined when it is gone. Blocks. */
export function nextMessageSync(control: number): ControlMessage | undefined {
  const bytes = Buffer.alloc(CONTROL.bytes);
  try {
    return parseMessage(bytes, readSync(control, bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return undefined; // with a word of ours unread
    throw error;
  }
}

/** Asks the monitor to send a signal to the process that it keeps. */
export function sendSignal(control: number, signal: number): void {
  say(control, CONTROL.signal, signal);
}

/** The caller's own input was at its end, not lost. */
export function sayInputEnded(control: number): void {
  say(control, CONTROL.inputEnded, 0);
}

/** Nobody reads that stream any more. */
export function sayOutputGone(control: number, stream: 1 | 2): void {
  say(control, CONTROL.outputGone, stream);
}

function say(control: number, type: number, value: number): void {
  const message = Buffer.alloc(CONTROL.bytes);
  message.writeUInt32LE(type);
  message.writeInt32LE(value, 4);
  try {
    writeSync(control, message);
  } catch {
    // it has ended already, or was killed: `ps` and `rm` see that
  }
}
