import { rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { cgroupPathOf, makeCgroupSteps, refuseLimits } from '../cgroup/steps.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { LOCK } from '../kernel/constants.ts';
import { play } from '../plan/play.ts';
import type { Step } from '../plan/step.ts';
import type { WindowSize } from '../rootfs/terminal.ts';
import type { SourceKind } from '../rootfs/types.ts';
import { abandon } from '../runtime/abandon.ts';
import { type Bundle, bundleFrom, readBundle } from '../runtime/bundle.ts';
import type { ContainerFacts } from '../runtime/container-plan.ts';
import { reserveDescriptors } from '../runtime/descriptors.ts';
import { type Connected, launch, wholePlan } from '../runtime/launch.ts';
import { fileError, readTextIfThere, writeWhole } from '../store/files.ts';
import { type RunLock, stillCleanedUp, waitForContainer, waitForRunLock } from '../store/lock.ts';
import { type ContainerRecord, nowNs, timestamp } from '../store/record.ts';
import { afterSteps, endRunSteps, recordRunSteps, recordStartSteps } from './cleanup.ts';
import { beginContainer, creationSteps, draftContainer, settle, undoCreation } from './create.ts';
import { type Engine, refuseForeignDirectories } from './engine.ts';
import { refuseVolumesWithoutPeers } from './mount-peers.ts';
import { explainOverlayFailure } from './overlay-check.ts';
import type { RunOptions } from './run-options.ts';
import { unpackOptions } from './saved-options.ts';
import { containerStatus } from './status.ts';

/** How the caller is connected to the command. */
export interface Attachment {
  interactive: boolean;
  /** Of the caller's terminal, with -t. */
  size?: WindowSize | undefined;
  /** The caller is a command line, which has nothing to do from then on but to carry bytes: it becomes the relay, if it can at once. */
  relay?: boolean;
}

export interface Started extends Connected {
  id: string;
  name: string;
}

const kindOf: SourceKind = (path) => {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'missing' : found.isDirectory() ? 'directory' : 'file';
};

/** What the bundle has to mount are files, which may be on their way still. */
function sourceKind({ directory }: Bundle): SourceKind {
  return (path) => (path.startsWith(`${directory}/`) ? 'file' : kindOf(path));
}

function factsOf(
  engine: Engine,
  record: ContainerRecord,
  bundle: Bundle,
  { interactive, size }: Attachment,
): ContainerFacts {
  refuseLimits(bundle.spec);
  return {
    id: record.id,
    rootPath: bundle.rootPath,
    overlay: bundle.overlay,
    cgroups: engine.cgroups,
    cgroupPath: cgroupPathOf(bundle.spec),
    sourceKind: sourceKind(bundle),
    stdio: bundle.command.terminal ? { kind: 'terminal' } : { kind: 'pipes', interactive },
    interactive,
    size,
    init: bundle.init,
    recordSteps: recordRunSteps(engine, record),
  };
}

/** A plan speaks of directories that a run, with -v, would have made by then. */
function plannedKind(bundle: Bundle): SourceKind {
  const kindNow = sourceKind(bundle);
  return (path) => {
    const kind = kindNow(path);
    return kind === 'missing' ? 'directory' : kind;
  };
}

/** `run --plan`: every step that a run of these options would take, the clean-up left out. Changes nothing. */
export function planRun(engine: Engine, options: RunOptions, attachment: Attachment): Step[] {
  const draft = draftContainer(engine, options);
  const { record, spec } = draft;
  const bundle = bundleFrom(engine.paths.container(record.id), spec);
  const facts = { ...factsOf(engine, record, bundle, attachment), sourceKind: plannedKind(bundle) };
  const relay = attachment.relay ?? false;
  return [...creationSteps(engine, draft), ...wholePlan({ spec, command: bundle.command, facts, relay })];
}

/**
 * Makes a container and starts it; returns when its command has been executed. What fails leaves nothing behind.
 * @throws TsrunError; exitCode 126 or 127 when the command is to blame
 */
export function runContainer(engine: Engine, options: RunOptions, attachment: Attachment): Started {
  const goal = `run ${options.rootfs}`;
  const created = beginContainer(engine, options, ({ record, spec }) => [
    ...recordStartSteps(engine, record, timestamp(nowNs()), true),
    ...makeCgroupSteps(engine.cgroups, cgroupPathOf(spec), spec),
  ]);
  const { record, spec, made, spare, unlock, runLock } = created;
  try {
    writeIdFile(options.cidfile, record.id, goal);
    const bundle = bundleFrom(engine.paths.container(record.id), spec);
    return startBundle(engine, record, bundle, attachment, { goal, lock: runLock, spare, made });
  } catch (error) {
    undoCreation(engine, created);
    if (options.cidfile !== undefined && readTextIfThere(options.cidfile) === record.id) unlinkSync(options.cidfile);
    throw error;
  } finally {
    spare();
    unlock();
  }
}

/** `tsrun start`: runs a container that has ended again, on the same upper directory. Waits for other commands, and until the last run is cleaned up after. */
export async function startContainer(
  engine: Engine,
  record: ContainerRecord,
  attachment: Attachment,
): Promise<Started> {
  const goal = `start ${record.name}`;
  refuseForeignDirectories(engine, goal);
  const spare = reserveDescriptors(goal);
  let unlock = () => {};
  try {
    unlock = await waitForContainer(engine.paths, record.id, goal, LOCK.LOCK_EX);
    if (containerStatus(engine, record).status === 'running')
      throw new TsrunError('conflict', `${goal}: the container is running already`);
    const bundle = readBundle(engine.paths.container(record.id));
    if (bundle.overlay?.volatile) forgetVolatile(engine, record);
    const lock = await waitForRunLock(engine.paths, record.id, goal, true);
    if (lock === undefined) throw stillCleanedUp(goal);
    return startBundle(engine, record, bundle, attachment, { goal, lock, spare });
  } finally {
    spare();
    unlock();
  }
}

/** overlayfs refuses what may not have reached the disk before a crash. Here it is not to outlive the container anyway. */
function forgetVolatile({ paths }: Engine, { layer }: ContainerRecord): void {
  rmSync(`${paths.layer(layer)}/work/work/incompat`, { recursive: true, force: true });
}

/** What a start is given by who has prepared it. */
interface StartOf {
  goal: string;
  lock: RunLock;
  spare(): void;
  /** It is new; layers, cgroups and the record of the start are being made still: waits for them. Else there are but the layers. */
  made?(): void;
}

function startBundle(
  engine: Engine,
  record: ContainerRecord,
  bundle: Bundle,
  attachment: Attachment,
  { goal, lock, spare, made }: StartOf,
): Started {
  let connected: Connected | undefined;
  try {
    refuseVolumesWithoutPeers(goal, bundle.spec);
    const facts = factsOf(engine, record, bundle, attachment);
    if (made === undefined) play(goal, recordStartSteps(engine, record, timestamp(nowNs()), false));
    const { pidfile } = unpackOptions(record.options);
    connected = launch(goal, {
      spec: bundle.spec,
      command: bundle.command,
      facts,
      after: afterSteps(engine, record),
      lock: lock.fd,
      relay: (attachment.relay ?? false) && pidfile === undefined,
      made,
    });
    if (pidfile !== undefined) writeWhole(pidfile, String(connected.pid), 0o644, false);
    return { ...connected, id: record.id, name: record.name };
  } catch (error) {
    if (connected) abandon(connected); // one that cannot be recorded must not go on unseen
    settle(made);
    spare();
    play(goal, endRunSteps(engine, record));
    throw explainOverlayFailure(engine, fileError(goal, error));
  } finally {
    lock.close();
  }
}

/** --cidfile: never over another container's. */
function writeIdFile(path: string | undefined, id: string, goal: string): void {
  if (path === undefined) return;
  try {
    writeFileSync(path, id, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError(goal, error);
    const message = `${goal}: container ID file found, make sure the other container isn't running or delete ${path}`;
    throw new TsrunError('conflict', message, { code: 'EEXIST' });
  }
}
