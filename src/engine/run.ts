import { cgroupPathOf, makeCgroupSteps } from '../cgroup/steps.ts';
import type { Step } from '../plan/step.ts';
import type { SourceKind } from '../rootfs/types.ts';
import { type Bundle, bundleFrom } from '../runtime/bundle.ts';
import { wholePlan } from '../runtime/launch.ts';
import { lockedSteps } from '../store/lock.ts';
import { nowNs, timestamp } from '../store/record.ts';
import { beginContainer, creationSteps, draftContainer, undoCreation } from './create.ts';
import type { Engine } from './engine.ts';
import { removeIdFile, writeIdFile } from './id-file.ts';
import type { RunOptions } from './run-options.ts';
import { type Attachment, factsOf, type Started, sourceKind, startBundle } from './start-bundle.ts';
import { recordStartSteps } from './start-records.ts';

/** A plan speaks of directories that a run, with -v, would have made by then. */
function plannedKind(bundle: Bundle): SourceKind {
  const kindNow = sourceKind(bundle);
  return (path) => {
    const kind = kindNow(path);
    return kind === 'missing' ? 'directory' : kind;
  };
}

/**
 * `run --plan`: every step that a run of these options would take. Left out are the container's record and name, the
 * pipes, and what the monitor does in the end. Changes nothing. */
export function planRun(engine: Engine, options: RunOptions, attachment: Attachment): Step[] {
  const draft = draftContainer(engine, options);
  const { record, spec } = draft;
  const bundle = bundleFrom(engine.paths.container(record.id), spec);
  const facts = { ...factsOf(engine, record, bundle, attachment), sourceKind: plannedKind(bundle) };
  return [
    ...lockedSteps(engine.paths, record.id),
    ...creationSteps(engine, draft),
    ...recordStartSteps(engine, record, timestamp(nowNs()), true),
    ...wholePlan({ spec, command: bundle.command, facts, relay: attachment.relay }),
  ];
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
  let idFile: string | undefined;
  try {
    idFile = writeIdFile(options.cidfile, record.id, goal);
    const bundle = bundleFrom(engine.paths.container(record.id), spec);
    return startBundle(engine, record, bundle, attachment, { goal, lock: runLock, spare, made });
  } catch (error) {
    undoCreation(engine, created);
    removeIdFile(idFile);
    throw error;
  } finally {
    spare();
    unlock();
  }
}
