import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { JOB, JOB_MAGIC, TAPE_VERSION } from '../kernel/abi.ts';
import { AF, O, SOCK } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import type { Struct } from '../plan/arguments.ts';
import { slot } from '../plan/arguments.ts';
import type { Given, Tape } from '../plan/encode.ts';
import { play } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import type { Stdio } from '../security/types.ts';

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

/** Pipes or sockets, the control socket and the job file, all close-on-exec. */
export function openDescriptors(goal: string, stdio: Stdio, reaper: boolean): Descriptors {
  const [control, console, stdin, stdout, stderr] = [pair(), pair(), pair(), pair(), pair()];
  const sockets = { domain: AF.AF_UNIX, type: SOCK.SOCK_SEQPACKET | SOCK.SOCK_CLOEXEC, protocol: 0 };
  const terminal = stdio.kind === 'terminal';
  const pipe = (pipefd: Struct) => step('pipe2', { pipefd, flags: O.O_CLOEXEC }, 'a pipe for standard input or output');
  const steps: Step[] = [
    step('socketpair', { ...sockets, sv: control }, 'the control socket'),
    step('memfd_create', { name: 'tsrun-job', flags: MFD_CLOEXEC }, 'what the monitor has to do', { save: 'job' }),
    ...(terminal
      ? [step('socketpair', { ...sockets, sv: console }, 'where the terminal arrives')]
      : [pipe(stdout), pipe(stderr)]),
    ...(!terminal && stdio.interactive ? [pipe(stdin)] : []),
  ];
  const played = play(goal, steps);
  const both = (struct: Struct): [number, number] => [
    played.bytes(struct).readInt32LE(0),
    played.bytes(struct).readInt32LE(4),
  ];
  const job = played.value('job');
  const [mine, theirs] = both(control);
  const ends: Ends = { control: mine };
  const given: Record<string, number> = { control: theirs, job };
  if (terminal) [ends.launcher, given.launcher] = both(console);
  else {
    [ends.stdout, given.stdout] = both(stdout);
    [ends.stderr, given.stderr] = both(stderr);
    if (stdio.interactive) [given.stdin, ends.stdin] = both(stdin);
    else given.stdin = openSync('/dev/null', O.O_RDWR | O.O_NOCTTY);
  }
  if (reaper) given.reaper = sealedMonitor(goal);
  const closeTheirs = () => Object.values(given).forEach(quietClose);
  return {
    given,
    ends,
    job,
    closeTheirs,
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
