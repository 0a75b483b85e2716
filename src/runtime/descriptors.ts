import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { TAPE_VERSION } from '../kernel/abi.ts';
import { AF, O, SOCK } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import { JOB, JOB_MAGIC } from '../kernel/protocol.ts';
import type { Struct } from '../plan/arguments.ts';
import { slot } from '../plan/arguments.ts';
import type { Given, Tape } from '../plan/encode.ts';
import { type Played, play, playSome } from '../plan/play.ts';
import { type Step, type StepOptions, step } from '../plan/step.ts';
import { nullDevice } from '../rootfs/null-device.ts';
import { pipesOf, type Stdio } from '../security/types.ts';
import { fileError } from '../store/files.ts';

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
  /** An exec'ed process's terminal: where its master arrives. */
  launcher?: number;
  /** A container's terminal: a socket to its monitor. */
  terminal?: number;
  stdin?: number;
  stdout?: number;
  stderr?: number;
}
/** What a plan wants besides the streams. */
export interface Needed {
  /** A sealed copy of the monitor. */
  reaper: boolean;
  /** A null device for streams without a pipe. */
  null: boolean;
}

/** Whether a stream of it is neither a pipe nor a terminal. */
export const lacksStream = (stdio: Stdio): boolean =>
  stdio.kind !== 'terminal' && pipesOf(stdio).length < STREAMS.length;

export interface Descriptors {
  /** Slots for the plan. */
  given: Given;
  /** What stays with the caller. */
  ends: Ends;
  job: number;
  /** As soon as who has it is on its way: or its end would not be heard. */
  closeTheirControl(): void;
  closeTheirs(): void;
  closeAll(): void;
}

function quietClose(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // it is gone already
  }
}

/** And forgets them: a number is somebody else's as soon as it is free. */
function closeThese(numbers: Record<string, number>, names = Object.keys(numbers)): void {
  for (const name of names) {
    const fd = numbers[name];
    if (fd === undefined) continue;
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
  try {
    held.one = openSync('/', O.O_PATH);
    held.two = openSync('/', O.O_PATH);
  } catch (error) {
    closeThese(held);
    throw fileError(goal, error);
  }
  return () => closeThese(held);
}

/** A step, and where the descriptors go that it opened. */
interface Opening {
  step: Step;
  take(played: Played): void;
}
type Owner = Record<string, number>;
/** Whose, and under which name. */
type Place = readonly [Owner, string];

const SOCKETS = { domain: AF.AF_UNIX, type: SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC, protocol: 0 };
const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

function openPair(kind: 'socketpair' | 'pipe2', why: string, first: Place, second: Place): Opening {
  const both: Struct = { bytes: Buffer.alloc(8), shown: '[a, b]' };
  const made =
    kind === 'pipe2'
      ? step('pipe2', { pipefd: both, flags: O.O_CLOEXEC }, why)
      : step('socketpair', { ...SOCKETS, sv: both }, why);
  const take = (played: Played) =>
    [first, second].forEach(([owner, name], i) => {
      owner[name] = played.bytes(both).readInt32LE(i * 4);
    });
  return { step: made, take };
}

/** Steps that leave descriptors in slots: they go to the owner under the slot's name. */
function saving(owner: Owner, steps: readonly Step[]): Opening[] {
  return steps.map((one) => ({
    step: one,
    take: (played) => {
      if (one.save !== undefined) owner[one.save] = played.value(one.save);
    },
  }));
}

const asItIs = (name: string): string => name;

/** One side is nearer to the caller, the other to the command; both as owners and the names that the ends have there. */
type Side = readonly [Owner, (name: string) => string];

function openPipes(fds: readonly number[], caller: Side, command: Side): Opening[] {
  return fds.map((fd) => {
    const name = STREAMS[fd]!;
    const places = [command, caller].map(([owner, named]): Place => [owner, named(name)]) as [Place, Place];
    if (fd !== 0) places.reverse(); // the caller reads what the command writes
    return openPair('pipe2', name, ...places);
  });
}

/** How a process is connected: what is opened for that. */
export type Wiring = (ends: Owner, given: Owner) => Opening[];

/** An exec'ed process: its streams lead to the caller, who gets its terminal itself. */
export const direct =
  (stdio: Stdio): Wiring =>
  (ends, given) =>
    stdio.kind === 'terminal'
      ? [openPair('socketpair', 'where the terminal arrives', [ends, 'launcher'], [given, 'launcher'])]
      : openPipes(pipesOf(stdio), [ends, asItIs], [given, asItIs]);

/** The monitor's end of what has that name in the container, and of what leads to the client that starts it. */
export const kept = (name: string): string => `kept_${name}`;
export const clients = (name: string): string => `client_${name}`;

/** Which of its streams the client that starts a container carries. */
export interface Client {
  attached: boolean;
  /** It feeds its standard input. */
  fed: boolean;
}

/** A container: its streams lead to its monitor, and others from there to the client that starts it, if that is attached. */
export const throughMonitor =
  (stdio: Stdio, { attached, fed }: Client): Wiring =>
  (ends, given) => {
    if (stdio.kind === 'terminal') {
      return [
        openPair('socketpair', 'where the terminal arrives', [given, kept('launcher')], [given, 'launcher']),
        ...(attached
          ? [openPair('socketpair', 'the terminal’s bytes', [ends, 'terminal'], [given, clients('terminal')])]
          : []),
      ];
    }
    return [
      ...openPipes(pipesOf(stdio), [given, kept], [given, asItIs]),
      ...(attached ? openPipes(fed ? [0, 1, 2] : [1, 2], [ends, asItIs], [given, clients]) : []),
    ];
  };

/** An older kernel knows no MFD_EXEC: there every such file is executable. */
function createProgram(): Step[] {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const create = (more: number, options: StepOptions) =>
    step('memfd_create', { name: 'tsrun-init', flags: flags | more }, 'a copy of the reaper', {
      save: 'reaper',
      ...options,
    });
  return [create(MFD_EXEC, { expect: { EINVAL: 0 }, thenSkip: 1 }), create(0, {})];
}

function openings(wiring: Wiring, needed: Needed, ends: Owner, given: Owner): Opening[] {
  const job = step('memfd_create', { name: 'tsrun-job', flags: MFD_CLOEXEC }, 'what the monitor has to do', {
    save: 'job',
  });
  return [
    openPair('socketpair', 'the control socket', [ends, 'control'], [given, 'control']),
    ...saving(given, [job]),
    ...wiring(ends, given),
    ...(needed.null ? saving(given, nullDevice()) : []),
    ...(needed.reaper ? saving(given, createProgram()) : []),
  ];
}

/**
 * Pipes or sockets, the control socket and the job file, all close-on-exec. When there is no descriptor left, those that were opened
 * are closed again, and the clean-up has some to work with.
 */
export function openDescriptors(goal: string, wiring: Wiring, needed: Needed): Descriptors {
  const ends: Owner = {};
  const given: Owner = {};
  const closeTheirs = () => closeThese(given);
  const closeTheirControl = () => closeThese(given, ['control']);
  const closeAll = () => [given, ends].forEach((owner) => closeThese(owner));
  try {
    const all = openings(wiring, needed, ends, given);
    const { played, done, error } = playSome(
      goal,
      all.map((one) => one.step),
    );
    for (const { take } of all.slice(0, done)) take(played);
    if (error !== undefined) throw error;
    if (given.reaper !== undefined) sealMonitor(goal, given.reaper);
    return { given, ends: ends as unknown as Ends, job: given.job!, closeTheirControl, closeTheirs, closeAll };
  } catch (error) {
    closeAll();
    throw error;
  }
}

/** A copy that nobody can write to: /proc/1/exe inside a container leads here and not to the host's file (CVE-2019-5736). */
function sealMonitor(goal: string, fd: number): void {
  writeSync(fd, readFileSync(monitorPath()));
  play(goal, [step('fcntl', { fd: slot('reaper'), cmd: F_ADD_SEALS, arg: ALL_SEALS }, 'seal it')], { reaper: fd });
}

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
