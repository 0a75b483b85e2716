import { writeSync } from 'node:fs';
import { TAPE_VERSION } from '../kernel/abi.ts';
import { JOB, JOB_MAGIC } from '../kernel/protocol.ts';
import type { Tape } from '../plan/encode.ts';

const PAGE = 4096;
const pages = (size: number): number => Math.ceil(size / PAGE) * PAGE;

/** What a monitor has to do (native/protocol.h struct job). */
export interface Job {
  after?: Tape | undefined;
  enter?: { tape: Tape; pid: string; pidfd: string };
  /** JOB_* */
  flags: number;
  log?: LogSettings | undefined;
}
/** `maxFiles` 0: no log. */
export interface LogSettings {
  maxSize: number;
  maxFiles: number;
}

/** Returns where the enter tape lies in it. */
export function writeJob(fd: number, { after, enter, flags, log }: Job): number {
  const header = Buffer.alloc(JOB.bytes);
  const enterAt = PAGE;
  const afterAt = enterAt + (enter ? pages(enter.tape.bytes.length) : 0);
  header.writeUInt32LE(JOB_MAGIC, JOB.magic);
  header.writeUInt32LE(TAPE_VERSION, JOB.version);
  header.writeUInt32LE(flags, JOB.flags);
  header.writeUInt32LE(log?.maxFiles ?? 0, JOB.logMaxFiles);
  header.writeBigUInt64LE(BigInt(log?.maxSize ?? 0), JOB.logMaxSize);
  if (enter) {
    header.writeUInt32LE(enterAt, JOB.enterTape);
    header.writeUInt32LE(enter.tape.bytes.length, JOB.enterSize);
    header.writeUInt32LE(enter.tape.slotOf(enter.pid) ?? 0, JOB.enterPidSlot);
    header.writeUInt32LE(enter.tape.slotOf(enter.pidfd) ?? 0, JOB.enterPidfdSlot);
    writeSync(fd, enter.tape.bytes, 0, enter.tape.bytes.length, enterAt);
  }
  if (after) {
    header.writeUInt32LE(afterAt, JOB.afterTape);
    header.writeUInt32LE(after.bytes.length, JOB.afterSize);
    writeSync(fd, after.bytes, 0, after.bytes.length, afterAt);
  }
  writeSync(fd, header, 0, header.length, 0);
  return enterAt;
}
