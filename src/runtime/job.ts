import { writeSync } from 'node:fs';
import { TAPE_VERSION } from '../kernel/abi.ts';
import { JOB, JOB_MAGIC, RESTART_NO } from '../kernel/protocol.ts';
import type { Tape } from '../plan/encode.ts';

const PAGE = 4096;
const pages = (size: number): number => Math.ceil(size / PAGE) * PAGE;

/** What a monitor has to do (native/protocol.h struct job). */
export interface Job {
  /** Played when the process has ended. */
  after?: Tape | undefined;
  enter?: { tape: Tape; pid: string; pidfd: string };
  /** JOB_* */
  flags: number;
  log?: LogSettings | undefined;
  restart?: RestartJob | undefined;
  health?: HealthJob | undefined;
}
/** Times in ns; so many failures in a row are unhealthy. */
export interface HealthSettings {
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}
/** What a monitor does for a health check. */
export interface HealthJob {
  settings: HealthSettings;
  /** Starts who enters. Slots: `control`, `stdout`, `stderr`; it leaves `monitor`. */
  probe: Tape;
  thawed: Tape;
  healthy: Tape;
  unhealthy: Tape;
}
/** `maxFiles` 0: no log. */
export interface LogSettings {
  maxSize: number;
  maxFiles: number;
}
/** How a container goes on that has ended. */
export interface RestartJob {
  /** RESTART_*; `retries` 0: no end of it. */
  policy: number;
  retries: number;
  /** Starts PID 1. Slots: `stdin`, `stdout`, `stderr` or `launcher`; it leaves `pid` and `pidfd`. */
  again: Tape;
  /** Played when it does not go on. */
  leave: Tape;
}

/** Tapes one behind the other, each at the beginning of a page. */
class Pages {
  readonly #fd: number;
  #next = PAGE;

  constructor(fd: number) {
    this.#fd = fd;
  }
  /** @returns where it lies, and how long it is */
  write({ bytes }: Tape): [at: number, size: number] {
    const at = this.#next;
    writeSync(this.#fd, bytes, 0, bytes.length, at);
    this.#next += pages(bytes.length);
    return [at, bytes.length];
  }
}

/** Returns where the enter tape lies in it. */
export function writeJob(fd: number, { after, enter, flags, log, restart, health }: Job): number {
  const header = Buffer.alloc(JOB.bytes);
  const put = (at: number, value: number) => header.writeUInt32LE(value, at);
  const rest = new Pages(fd);
  const tapeAt = (tape: Tape | undefined, at: number, size: number): number => {
    if (tape === undefined) return 0;
    const [start, length] = rest.write(tape);
    put(at, start);
    put(size, length);
    return start;
  };
  put(JOB.magic, JOB_MAGIC);
  put(JOB.version, TAPE_VERSION);
  put(JOB.flags, flags);
  put(JOB.logMaxFiles, log?.maxFiles ?? 0);
  header.writeBigUInt64LE(BigInt(log?.maxSize ?? 0), JOB.logMaxSize);
  const enterAt = tapeAt(enter?.tape, JOB.enterTape, JOB.enterSize);
  put(JOB.enterPidSlot, enter?.tape.slotOf(enter.pid) ?? 0);
  put(JOB.enterPidfdSlot, enter?.tape.slotOf(enter.pidfd) ?? 0);
  tapeAt(after, JOB.afterTape, JOB.afterSize);
  put(JOB.restart, restart?.policy ?? RESTART_NO);
  put(JOB.retries, restart?.retries ?? 0);
  tapeAt(restart?.again, JOB.againTape, JOB.againSize);
  tapeAt(restart?.leave, JOB.leaveTape, JOB.leaveSize);
  for (const [name, at] of AGAIN_SLOTS) put(at, restart?.again.slotOf(name) ?? 0);
  if (health !== undefined) writeHealth(header, health, tapeAt);
  writeSync(fd, header, 0, header.length, 0);
  return enterAt;
}

function writeHealth(
  header: Buffer,
  health: HealthJob,
  tapeAt: (tape: Tape, at: number, size: number) => number,
): void {
  const { settings, probe, thawed, healthy, unhealthy } = health;
  tapeAt(probe, JOB.probeTape, JOB.probeSize);
  tapeAt(thawed, JOB.thawedTape, JOB.thawedSize);
  tapeAt(healthy, JOB.healthyTape, JOB.healthySize);
  tapeAt(unhealthy, JOB.unhealthyTape, JOB.unhealthySize);
  for (const [name, at] of PROBE_SLOTS) header.writeUInt32LE(probe.slotOf(name) ?? 0, at);
  header.writeUInt32LE(Math.min(settings.retries, MOST_RETRIES), JOB.healthRetries);
  const times = [
    [settings.interval, JOB.healthInterval],
    [settings.timeout, JOB.healthTimeout],
    [settings.startPeriod, JOB.healthStartPeriod],
    [settings.startInterval, JOB.healthStartInterval],
  ] as const;
  for (const [ns, at] of times) header.writeBigUInt64LE(BigInt(Math.min(Math.round(ns), MOST_NS)), at);
}

/** What the header has room for: 136 years of failures, one a second, and 146 years. */
const MOST_RETRIES = 0xffffffff;
const MOST_NS = 2 ** 62;
const PROBE_SLOTS: readonly (readonly [slot: string, at: number])[] = [
  ['control', JOB.probeControlSlot],
  ['stdout', JOB.probeStdoutSlot],
  ['stderr', JOB.probeStderrSlot],
  ['monitor', JOB.probePidSlot],
];

const AGAIN_SLOTS: readonly (readonly [slot: string, at: number])[] = [
  ['stdin', JOB.againStdinSlot],
  ['stdout', JOB.againStdoutSlot],
  ['stderr', JOB.againStderrSlot],
  ['launcher', JOB.againLauncherSlot],
  ['pid', JOB.againPidSlot],
  ['pidfd', JOB.againPidfdSlot],
];
