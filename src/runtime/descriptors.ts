import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { O } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import { slot } from '../plan/arguments.ts';
import type { Given } from '../plan/encode.ts';
import { play, playSome } from '../plan/play.ts';
import { type Step, type StepOptions, step } from '../plan/step.ts';
import { nullDevice } from '../rootfs/null-device.ts';
import { fileError } from '../store/files.ts';
import { type Opening, type Owner, openPair, saving, type Wiring } from './wiring.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** Linux 6.3: executable whatever the sysctl vm.memfd_noexec makes of files that do not say. */
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
const ALL_SEALS = 0xf;

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
  /** A file for the job of a health check. */
  probe?: boolean;
  /** A null device for streams without a pipe. */
  null: boolean;
}

export interface Descriptors {
  /** Slots for the plan. */
  given: Given;
  /** What stays with the caller. */
  ends: Ends;
  job: number;
  /** As soon as who has it is on its way: or its end would not be heard. */
  closeTheirControl(): void;
  closeTheirs(): void;
  /** All but the control socket. */
  closeStreams(): void;
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

function probeFile(): Step {
  const file = { name: 'tsrun-probe', flags: MFD_CLOEXEC | MFD_ALLOW_SEALING };
  return step('memfd_create', file, 'what who checks its health has to do', { save: 'probe' });
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
    ...(needed.probe ? saving(given, [probeFile()]) : []),
    ...(needed.reaper ? saving(given, createProgram()) : []),
  ];
}

/** Descriptors that were opened together: `ends` stay with the caller, `given` are for others. */
export interface Opened {
  ends: Owner;
  given: Owner;
  closeTheirs(): void;
  closeAll(): void;
}

/** When there is no descriptor left, those that were opened are closed again, and a clean-up has some to work with. */
export function openAll(goal: string, wiring: Wiring): Opened {
  const ends: Owner = {};
  const given: Owner = {};
  const opened = {
    ends,
    given,
    closeTheirs: () => closeThese(given),
    closeAll: () => [given, ends].forEach((owner) => closeThese(owner)),
  };
  const all = wiring(ends, given);
  const { played, done, error } = playSome(
    goal,
    all.map((one) => one.step),
  );
  for (const { take } of all.slice(0, done)) take(played);
  if (error === undefined) return opened;
  opened.closeAll();
  throw error;
}

/** Pipes or sockets, the control socket and the job file, all close-on-exec. */
export function openDescriptors(goal: string, wiring: Wiring, needed: Needed): Descriptors {
  const opened = openAll(goal, (ends, given) => openings(wiring, needed, ends, given));
  const { given, ends } = opened;
  try {
    if (given.reaper !== undefined) sealMonitor(goal, given.reaper);
  } catch (error) {
    opened.closeAll();
    throw error;
  }
  const closeTheirControl = () => closeThese(given, ['control']);
  const closeStreams = () => {
    opened.closeTheirs();
    closeThese(
      ends,
      Object.keys(ends).filter((name) => name !== 'control'),
    );
  };
  return { ...opened, ends: ends as unknown as Ends, job: given.job!, closeTheirControl, closeStreams };
}

/** A copy that nobody can write to: /proc/1/exe inside a container leads here and not to the host's file (CVE-2019-5736). */
function sealMonitor(goal: string, fd: number): void {
  writeSync(fd, readFileSync(monitorPath()));
  play(goal, [step('fcntl', { fd: slot('reaper'), cmd: F_ADD_SEALS, arg: ALL_SEALS }, 'seal it')], { reaper: fd });
}
