import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { JOB, JOB_MAGIC, TAPE_VERSION } from '../kernel/abi.ts';
import { AF, O, SOCK } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import type { Struct } from '../plan/arguments.ts';
import { slot } from '../plan/arguments.ts';
import type { Given, Tape } from '../plan/encode.ts';
import { play } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { pipesOf, type Stdio } from '../security/types.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const ALL_SEALS = 0xf;
const PAGE = 4096;

/** The caller's ends of what a process in a container is connected to. */
export interface Ends {
  control: number;
  /** With a terminal: where its master arrives. */
  launcher?: number;
  stdin?: number;
  stdout?: number;
  stderr?: number;
}
export interface Descriptors {
  /** Slots for the plan. */
  given: Given;
  /** What stays with the caller. */
  ends: Ends;
  job: number;
  closeTheirs(): void;
  closeAll(): void;
}

const pair = (): Struct => ({ bytes: Buffer.alloc(8), shown: '[a, b]' });

function quietClose(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // it is gone already
  }
}

const SOCKETS = { domain: AF.AF_UNIX, type: SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC, protocol: 0 };
const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

/** Pipes or sockets, the control socket and the job file, all close-on-exec. */
export function openDescriptors(goal: string, stdio: Stdio, reaper: boolean): Descriptors {
  const [control, launcher, ...pipes] = [pair(), pair(), pair(), pair(), pair()] as const;
  const piped = pipesOf(stdio);
  const terminal = stdio.kind === 'terminal';
  const steps: Step[] = [
    step('socketpair', { ...SOCKETS, sv: control }, 'the control socket'),
    step('memfd_create', { name: 'tsrun-job', flags: MFD_CLOEXEC }, 'what the monitor has to do', { save: 'job' }),
    ...(terminal ? [step('socketpair', { ...SOCKETS, sv: launcher }, 'where the terminal arrives')] : []),
    ...piped.map((fd) => step('pipe2', { pipefd: pipes[fd] ?? pair(), flags: O.O_CLOEXEC }, STREAMS[fd] ?? '')),
  ];
  const played = play(goal, steps);
  const both = (struct: Struct | undefined): [number, number] => {
    const bytes = struct ? played.bytes(struct) : Buffer.alloc(8);
    return [bytes.readInt32LE(0), bytes.readInt32LE(4)];
  };
  const ends: Ends = { control: both(control)[0] };
  const given: Record<string, number> = { control: both(control)[1], job: played.value('job') };
  if (terminal) [ends.launcher, given.launcher] = both(launcher);
  else {
    STREAMS.forEach((name, fd) => {
      if (!piped.includes(fd)) given[name] = openSync('/dev/null', O.O_RDWR | O.O_NOCTTY);
      else if (fd === 0) [given.stdin, ends.stdin] = both(pipes[0]);
      else [ends[name], given[name]] = both(pipes[fd]);
    });
  }
  if (reaper) given.reaper = sealedMonitor(goal);
  return {
    given,
    ends,
    job: played.value('job'),
    closeTheirs: () => Object.values(given).forEach(quietClose),
    closeAll: () => [...Object.values(given), ...Object.values(ends)].forEach(quietClose),
  };
}

/** A copy that nobody can write to: /proc/1/exe inside a container leads here and not to the host's file (CVE-2019-5736). */
function sealedMonitor(goal: string): number {
  const made = play(goal, [
    step('memfd_create', { name: 'tsrun-init', flags: MFD_CLOEXEC | MFD_ALLOW_SEALING }, 'a copy of the reaper', {
      save: 'reaper',
    }),
  ]);
  const fd = made.value('reaper');
  writeSync(fd, readFileSync(monitorPath()));
  play(goal, [step('fcntl', { fd: slot('reaper'), cmd: F_ADD_SEALS, arg: ALL_SEALS }, 'seal it')], { reaper: fd });
  return fd;
}

const pages = (size: number): number => Math.ceil(size / PAGE) * PAGE;

/** Writes the job file of keep and enter (native/abi.h struct job). Returns where the enter tape lies in it. */
export function writeJob(
  fd: number,
  after: Tape | undefined,
  enter?: { tape: Tape; pid: string; pidfd: string },
): number {
  const header = Buffer.alloc(JOB.bytes);
  const enterAt = PAGE;
  const afterAt = enterAt + (enter ? pages(enter.tape.bytes.length) : 0);
  header.writeUInt32LE(JOB_MAGIC, JOB.magic);
  header.writeUInt32LE(TAPE_VERSION, JOB.version);
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
