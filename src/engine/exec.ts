import { closeSync, openSync } from 'node:fs';
import { cgroupPathOf } from '../cgroup/steps.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK, O } from '../kernel/constants.ts';
import { boundingSet, hostName, limitsOf } from '../kernel/procfs.ts';
import type { Bundle } from '../runtime/bundle.ts';
import { endedBefore, enter } from '../runtime/enter.ts';
import type { Connected } from '../runtime/launch.ts';
import { becomesReady } from '../runtime/poll.ts';
import { readBundle } from '../runtime/read-bundle.ts';
import type { Stdio } from '../security/types.ts';
import { type Process, RLIM_INFINITY, type Rlimit, type User } from '../spec/oci.ts';
import { waitForContainer } from '../store/lock.ts';
import type { ContainerRecord } from '../store/record.ts';
import { resolveCapabilities } from './capabilities.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { type RecordedExec, recordExec } from './exec-record.ts';
import { findContainer } from './find.ts';
import { type FirstProcess, openFirstProcess } from './first-process.ts';
import { lookupUser } from './lookup-user.ts';
import { checkExecOptions } from './options/check-options.ts';
import { readAccounts } from './rootfs.ts';
import type { ExecOptions, RunOptions } from './run-options.ts';
import { unpackOptions } from './saved-options.ts';
import { specEnv } from './spec-process.ts';
import type { Attachment } from './start-bundle.ts';

const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;
const ON_ITS_WAY_OUT_MS = 200;
const PATIENCE_MS = 30_000;
/** A program that embeds us may have others to answer. */
const BLOCKING_MS = 5;

/** What runs in the container can hold up what enters it. */
export interface ExecAttachment extends Attachment {
  /** How long that may take, in ms; 30 s unless said. */
  patienceMs?: number;
  /** For how much of it the event loop may stand still, in ms; 5 unless said. */
  blockingMs?: number;
  /** Calls the start off, with all that it has begun. */
  stop?: AbortSignal;
}

/** `execId`: what `inspect`, `events` and the entry in the run directory call it. */
export interface Entered extends Connected {
  execId: string;
}

/**
 * Starts a command in a running container; returns when it has been executed.
 * @throws TsrunError; exitCode 126 when the container does not run, 126 or 127 when the command is to blame; code ETIMEDOUT when it was
 * held up for too long, ECANCELED when it was called off
 */
export async function execInContainer(
  engine: Engine,
  given: ExecOptions,
  { interactive, size, patienceMs = PATIENCE_MS, blockingMs = BLOCKING_MS, stop }: ExecAttachment,
): Promise<Entered> {
  const options = checkExecOptions(given);
  const goal = `exec ${options.container}`;
  refuseForeignDirectories(engine, goal);
  const record = findContainer(engine, options.container);
  const target = await openTarget(engine, record, goal, stop);
  let recorded: RecordedExec | undefined;
  try {
    const bundle = readBundle(goal, engine.paths.container(record.id));
    const command = describeCommand(goal, record, bundle, options, target.pid);
    recorded = recordExec(engine, record, options, command);
    const connected = await enter(goal, bundle.spec, command, {
      id: record.id,
      cgroups: engine.cgroups,
      cgroupPath: cgroupPathOf(bundle.spec),
      stdio: stdioOf(options, interactive),
      size,
      target: target.pidfd,
      interactive,
      patienceMs,
      blockingMs,
      stop,
      recordSteps: recorded.started,
      after: recorded.ended,
    });
    return { ...connected, execId: recorded.id };
  } catch (error) {
    recorded?.forget();
    throw (await endedMeanwhile(target, error)) ? endedBefore(goal) : error;
  } finally {
    closeSync(target.pidfd);
  }
}

/**
 * Whatever fails then fails because of that: namespaces, cgroups, the bundle go one after the other. When the first of them is gone,
 * PID 1 is still on its way out. Not so what is the command's or the caller's doing.
 */
async function endedMeanwhile({ pidfd }: FirstProcess, error: unknown): Promise<boolean> {
  const { exitCode, code } = error instanceof TsrunError ? error : { exitCode: undefined, code: undefined };
  if (exitCode === CANNOT_EXECUTE || exitCode === NOT_FOUND || code === 'ECANCELED' || code === 'ETIMEDOUT')
    return false;
  return becomesReady(pidfd, ON_ITS_WAY_OUT_MS, 'the end of PID 1');
}

/** Detached, there is nobody to carry bytes: the command reads and writes the null device. */
function stdioOf({ tty, detach }: ExecOptions, interactive: boolean): Stdio {
  if (detach) return { kind: 'null' };
  return tty ? { kind: 'terminal' } : { kind: 'pipes', interactive };
}

/**
 * The lock is held by who starts the container until that is done: before, its first process still stands in the host's root, and a
 * command that entered it would, too.
 */
async function openTarget(
  engine: Engine,
  record: ContainerRecord,
  goal: string,
  stop: AbortSignal | undefined,
): Promise<FirstProcess> {
  const unlock = await waitForContainer(engine.paths, record.id, goal, LOCK.LOCK_SH, { stop });
  try {
    const first = openFirstProcess(engine, record, goal);
    if (first !== undefined) return unlessPaused(record, first);
  } finally {
    unlock();
  }
  throw new TsrunError('conflict', `${goal}: container ${record.id} is not running`, {
    exitCode: CANNOT_EXECUTE,
    hint: `start it with \`tsrun start -a ${record.name}\``,
  });
}

/** Who enters a cgroup that is frozen freezes with it. */
function unlessPaused({ name }: ContainerRecord, first: FirstProcess): FirstProcess {
  if (!first.paused) return first;
  closeSync(first.pidfd);
  throw new TsrunError('conflict', `Container ${name} is paused, unpause the container before exec`, {
    exitCode: 1,
    hint: `tsrun unpause ${name}`,
  });
}

/** What is executed, as confined as PID 1: its capabilities, limits and no_new_privs come from the container's own config.json. */
function describeCommand(
  goal: string,
  record: ContainerRecord,
  bundle: Bundle,
  options: ExecOptions,
  pid: number,
): Process {
  const run = unpackOptions(record.options);
  const { user, home } = userOf(goal, run, bundle, options, pid);
  const hostname = bundle.spec.hostname ?? hostName();
  const everything = resolveCapabilities({ add: [], drop: [], privileged: true }, boundingSet());
  const privileged = {
    bounding: everything,
    effective: everything,
    permitted: everything,
    inheritable: [],
    ambient: [],
  };
  return {
    ...bundle.command,
    terminal: options.tty && !options.detach,
    user,
    args: options.command,
    env: specEnv({ hostname, tty: options.tty, home, basis: run.env, changes: options.env }),
    cwd: options.workdir ?? bundle.command.cwd,
    rlimits: limitsLike(pid, bundle.command.rlimits ?? []),
    ...(options.privileged ? { capabilities: privileged } : {}),
  };
}

/** PID 1's limits, not the caller's: those of config.json, and for the others what PID 1 was started with, as far as we may set it. */
function limitsLike(pid: number, configured: readonly Rlimit[]): Rlimit[] {
  const ours = limitsOf('self');
  const oci = (limit: number) => (limit === Number.POSITIVE_INFINITY ? RLIM_INFINITY : limit);
  const inherited = [...limitsOf(pid)].flatMap(([type, { soft, hard }]): Rlimit[] => {
    const own = ours.get(type);
    const same = own === undefined || (own.soft === soft && own.hard === hard);
    if (same || hard > own.hard || configured.some((limit) => limit.type === type)) return [];
    return [{ type, soft: oci(soft), hard: oci(hard) }];
  });
  return [...configured, ...inherited];
}

/** -u has its meaning inside the container as it is now: its /etc/passwd, read through /proc/PID/root, resolved in there. */
function userOf(
  goal: string,
  run: RunOptions,
  bundle: Bundle,
  options: ExecOptions,
  pid: number,
): { user: User; home: string } {
  const root = openSync(`/proc/${pid}/root`, O.O_PATH | O.O_DIRECTORY);
  try {
    const { passwd, group } = readAccounts(goal, { fd: root, ahead: new Map() }, options.user ?? run.user ?? '');
    const { umask } = bundle.command.user;
    const { uid, gid, additionalGids, home } = lookupUser(options.user ?? run.user ?? '', passwd, group);
    return { user: { uid, gid, additionalGids, ...(umask === undefined ? {} : { umask }) }, home };
  } finally {
    closeSync(root);
  }
}
