import { join } from 'node:path';
import { memoryEventsPath } from '../cgroup/host.ts';
import { killCgroupSteps, removeCgroupSteps } from '../cgroup/steps.ts';
import { AT, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { removeLayerSteps } from '../store/layers.ts';
import { nameOwner } from '../store/names.ts';
import type { ContainerRecord } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';

const at = { dirfd: AT.AT_FDCWD };
const tree = (name: string, why: string): Step => step('remove_tree', { ...at, name }, why, { ignoreErrors: true });
const unlink = (pathname: string, why: string): Step =>
  step('unlinkat', { ...at, pathname, flags: 0 }, why, { ignoreErrors: true });

/** What a run leaves in the kernel and below /run: cgroups, the link to its root, its state. */
export function endRunSteps({ paths, cgroups }: Engine, record: ContainerRecord): Step[] {
  return [
    ...killCgroupSteps(cgroups, cgroupPath(record.id)),
    ...removeCgroupSteps(cgroups, cgroupPath(record.id)),
    unlink(join(paths.layer(record.layer), 'merged'), 'the merged view ended with the container'),
    tree(paths.run(record.id), 'remove what is known of the run'),
  ];
}

/**
 * All that is left: layers, then the record, then the name: whatever is killed between two of them, `rm` can be said again.
 * The name only where it is this container's: one that failed to claim it must not take it from who has it.
 */
export function removeContainerSteps({ paths }: Engine, record: ContainerRecord): Step[] {
  const named = nameOwner(paths, record.name) === record.id;
  return [
    ...removeLayerSteps(paths, record),
    tree(paths.container(record.id), 'remove the record and the files that were bound in'),
    ...(named ? [unlink(paths.name(record.name), 'free the name')] : []),
  ];
}

/** What the monitor does when the container has ended. */
export function afterSteps(engine: Engine, record: ContainerRecord): Step[] {
  const { paths, cgroups } = engine;
  const directory = paths.container(record.id);
  const events = memoryEventsPath(cgroups, cgroupPath(record.id)) ?? null;
  const exit = [
    step('openat', { ...at, pathname: directory, flags: O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 }, 'where its record is', {
      save: 'record',
      ignoreErrors: true,
    }),
    step(
      'record_exit',
      { dirfd: slot('record'), name: 'exit.json', temporary: 'exit.tmp', memory_events: events },
      'how and when it ended',
      { ignoreErrors: true },
    ),
  ];
  return record.remove
    ? [...endRunSteps(engine, record), ...removeContainerSteps(engine, record)]
    : [...exit, ...endRunSteps(engine, record)];
}
