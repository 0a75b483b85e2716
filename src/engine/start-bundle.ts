import { statSync } from 'node:fs';
import { cgroupPathOf, refuseLimits } from '../cgroup/steps.ts';
import { RESTART_ALWAYS, RESTART_ON_FAILURE } from '../kernel/protocol.ts';
import { play } from '../plan/play.ts';
import type { WindowSize } from '../rootfs/terminal.ts';
import type { SourceKind } from '../rootfs/types.ts';
import { abandon } from '../runtime/abandon.ts';
import type { Bundle } from '../runtime/bundle.ts';
import type { ContainerFacts } from '../runtime/container-plan.ts';
import { type Connected, launch, type RestartRequest } from '../runtime/launch.ts';
import type { ClientManners } from '../runtime/relay.ts';
import { fileError, writeWhole } from '../store/files.ts';
import type { RunLock } from '../store/lock.ts';
import { type ContainerRecord, nowNs, timestamp } from '../store/record.ts';
import { afterSteps, endRunSteps } from './cleanup.ts';
import { settle } from './create.ts';
import type { Engine } from './engine.ts';
import { hasHealthCheck, healthOf } from './health.ts';
import { refuseVolumesWithoutPeers } from './mount-peers.ts';
import { logSettings } from './options/parse-log.ts';
import { explainOverlayFailure } from './overlay-check.ts';
import type { RestartPolicy } from './run-options.ts';
import { unpackOptions } from './saved-options.ts';
import { recordAgainSteps, recordRunSteps, recordStartSteps } from './start-records.ts';

/** How the caller is connected to the command. */
export interface Attachment {
  /** Nobody carries its streams: they lead to its monitor, and no further. */
  detached?: boolean;
  /** The caller feeds its standard input. */
  interactive: boolean;
  /** Of the caller's terminal, with -t. */
  size?: WindowSize | undefined;
  /** The caller is a command line, which has nothing to do from then on but to carry bytes: it becomes the relay, if it can at once. */
  relay?: ClientManners | undefined;
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
export function sourceKind({ directory }: Bundle): SourceKind {
  return (path) => (path.startsWith(`${directory}/`) ? 'file' : kindOf(path));
}

/** All that a start has to know beyond config.json. */
export function factsOf(
  engine: Engine,
  record: ContainerRecord,
  bundle: Bundle,
  { interactive, size, detached = false }: Attachment,
): ContainerFacts {
  const options = unpackOptions(record.options);
  refuseLimits(bundle.spec);
  return {
    id: record.id,
    rootPath: bundle.rootPath,
    overlay: bundle.overlay,
    cgroups: engine.cgroups,
    cgroupPath: cgroupPathOf(bundle.spec),
    sourceKind: sourceKind(bundle),
    stdio: bundle.command.terminal ? { kind: 'terminal' } : { kind: 'pipes', interactive: options.interactive },
    client: { attached: !detached, fed: !detached && interactive },
    monitor: {
      directory: engine.paths.container(record.id),
      run: engine.paths.run(record.id),
      log: logSettings(options.log),
    },
    size,
    init: bundle.init,
    restarts: options.restart.name !== 'no',
    checked: hasHealthCheck(options.health),
    recordSteps: recordRunSteps(engine, record, !detached),
  };
}

function restartOf(
  engine: Engine,
  record: ContainerRecord,
  { name, maximumRetryCount }: RestartPolicy,
): RestartRequest {
  return {
    policy: name === 'on-failure' ? RESTART_ON_FAILURE : RESTART_ALWAYS,
    retries: maximumRetryCount,
    recordSteps: recordAgainSteps(engine, record),
    leave: endRunSteps(engine, record),
  };
}

/** What a start is given by who has prepared it. */
export interface StartOf {
  goal: string;
  lock: RunLock;
  spare(): void;
  /** It is new; layers, cgroups and the record of the start are being made still: waits for them. Else there are but the layers. */
  made?(): void;
}

/** What `run` and `start` have in common. What fails leaves no process and no cgroup. */
export function startBundle(
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
    const options = unpackOptions(record.options);
    const { pidfile } = options;
    connected = launch(goal, {
      spec: bundle.spec,
      command: bundle.command,
      facts,
      after: afterSteps(engine, record, made !== undefined, facts.restarts),
      restart: facts.restarts ? restartOf(engine, record, options.restart) : undefined,
      health: facts.checked ? healthOf(engine, record, bundle.command, options.health) : undefined,
      lock: lock.fd,
      relay: pidfile === undefined ? attachment.relay : undefined,
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
