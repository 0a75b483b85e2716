import { closeSync, readFileSync, writeSync } from 'node:fs';
import { SyscallError } from '../errors/syscall-error.ts';
import { JOB, JOB_MAGIC, TAPE_VERSION } from '../kernel/abi.ts';
import { AF, AT, O, SOCK } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import type { Struct } from '../plan/arguments.ts';
import { slot } from '../plan/arguments.ts';
import type { Given, Tape } from '../plan/encode.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';
import { nullDevice } from '../rootfs/null-device.ts';
import { pipesOf, type Stdio } from '../security/types.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** Linux 6.3: executable whatever the sysctl vm.memfd_noexec makes of files that do not say. */
const MFD_EXEC = 0x10;
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
/** What a plan wants besides the streams. */
export interface Needed {
  /** A sealed copy of the monitor. */
  reaper: boolean;
  /** A null device for streams without a pipe; false: the plan has one of its own. */
  null: boolean;
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

/** And forgets them: a number is somebody else's as soon as it is free. */
function closeThese(numbers: Record<string, number>): void {
  for (const [name, fd] of Object.entries(numbers)) {
    delete numbers[name];
    quietClose(fd);
  }
}

/**
 * Keeps two descriptors for the clean-up after a failure: removing a tree takes two, and too few may be what failed.
 * @returns what frees them; more than once does no harm
 */
export function reserveDescriptors(goal: string): () => void {
  const held: Record<string, number> = {};
  const root = { dirfd: AT.AT_FDCWD, pathname: '/', flags: O.O_PATH | O.O_CLOEXEC, mode: 0 };
  const open = () => play(goal, [step('openat', root, 'held for the clean-up', { save: 'held' })]).value('held');
  try {
    held.one = open();
    held.two = open();
  } catch (error) {
    closeThese(held);
    throw error;
  }
  return () => closeThese(held);
}

const SOCKETS = { domain: AF.AF_UNIX, type: SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC, protocol: 0 };
const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

function openPair(goal: string, kind: 'socketpair' | 'pipe2', why: string): [number, number] {
  const both = pair();
  const made =
    kind === 'pipe2'
      ? step('pipe2', { pipefd: both, flags: O.O_CLOEXEC }, why)
      : step('socketpair', { ...SOCKETS, sv: both }, why);
  const bytes = play(goal, [made]).bytes(both);
  return [bytes.readInt32LE(0), bytes.readInt32LE(4)];
}

function openMemory(goal: string, name: string, flags: number, why: string): number {
  return play(goal, [step('memfd_create', { name, flags }, why, { save: 'memory' })]).value('memory');
}

/**
 * Pipes or sockets, the control socket and the job file, all close-on-exec. One by one: when there is no descriptor left, those that
 * were opened are closed again, and the clean-up has some to work with.
 */
export function openDescriptors(goal: string, stdio: Stdio, needed: Needed): Descriptors {
  const ends: Partial<Ends> = {};
  const given: Record<string, number> = {};
  const closeTheirs = () => closeThese(given);
  const closeAll = () => [given, ends as Record<string, number>].forEach(closeThese);
  try {
    [ends.control, given.control] = openPair(goal, 'socketpair', 'the control socket');
    given.job = openMemory(goal, 'tsrun-job', MFD_CLOEXEC, 'what the monitor has to do');
    if (stdio.kind === 'terminal')
      [ends.launcher, given.launcher] = openPair(goal, 'socketpair', 'where the terminal arrives');
    else openStreams(goal, pipesOf(stdio), ends, given);
    if (needed.null && stdio.kind !== 'terminal' && pipesOf(stdio).length < STREAMS.length)
      for (const { save, steps } of nullDevice()) given[save] = play(goal, steps, given).value(save);
    if (needed.reaper) {
      given.reaper = openProgram(goal);
      sealMonitor(goal, given.reaper);
    }
    return { given, ends: ends as Ends, job: given.job, closeTheirs, closeAll };
  } catch (error) {
    closeAll();
    throw error;
  }
}

function openStreams(goal: string, piped: readonly number[], ends: Partial<Ends>, given: Record<string, number>): void {
  STREAMS.forEach((name, fd) => {
    if (!piped.includes(fd)) return;
    if (fd === 0) [given.stdin, ends.stdin] = openPair(goal, 'pipe2', name);
    else [ends[name], given[name]] = openPair(goal, 'pipe2', name);
  });
}

function openProgram(goal: string): number {
  const open = (flags: number) => openMemory(goal, 'tsrun-init', flags, 'a copy of the reaper');
  try {
    return open(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== 'EINVAL') throw error;
    return open(MFD_CLOEXEC | MFD_ALLOW_SEALING); // an older kernel: always executable
  }
}

/** A copy that nobody can write to: /proc/1/exe inside a container leads here and not to the host's file (CVE-2019-5736). */
function sealMonitor(goal: string, fd: number): void {
  writeSync(fd, readFileSync(monitorPath()));
  play(goal, [step('fcntl', { fd: slot('reaper'), cmd: F_ADD_SEALS, arg: ALL_SEALS }, 'seal it')], { reaper: fd });
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
