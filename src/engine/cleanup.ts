import { memoryEventsPath, oomKills } from '../cgroup/host.ts';
import { killCgroupSteps, missCgroupSteps, removeCgroupSteps } from '../cgroup/steps.ts';
import { AT, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { closeOpened } from '../plan/close-opened.ts';
import { ANY, type Step, type StepOptions, step } from '../plan/step.ts';
import { REMOVING, removeLayerSteps, setAsideStep } from '../store/layers.ts';
import { type ContainerRecord, nowNs } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';
import { endStep, openNameStep } from './events/record-event.ts';
import { mergedPath, unlinkLate } from './start-records.ts';

const at = { dirfd: AT.AT_FDCWD };
const unlink = (pathname: string, why: string): Step =>
  step('unlinkat', { ...at, pathname, flags: 0 }, why, { ignoreErrors: true });

/** What leads to the root of a process: one day that pid is another's, and `rm -rf merged/*` would reach another root. */
export function unlinkRootSteps({ paths }: Engine, record: ContainerRecord): Step[] {
  return [unlink(mergedPath(paths, record), 'the merged view ended with the container')];
}

function endProcessesSteps(engine: Engine, record: ContainerRecord): Step[] {
  return [...killCgroupSteps(engine.cgroups, cgroupPath(record.id)), ...unlinkRootSteps(engine, record)];
}

/** Monitors of exec'ed processes write down their ends at that very moment: by a path that is none from here on. */
function forgetRun({ paths }: Engine, { id }: ContainerRecord, more?: StepOptions): Step[] {
  const [oldpath, newpath] = [paths.execs(id), `${paths.run(id)}/gone`];
  const move = { olddirfd: AT.AT_FDCWD, oldpath, newdirfd: AT.AT_FDCWD, newpath, flags: 0 };
  return [
    step('renameat2', move, 'nobody adds to it any more', { ignoreErrors: true }),
    step('remove_tree', { ...at, name: paths.run(id) }, 'remove what is known of the run', more),
  ];
}

/** What a run leaves in the kernel and below /run: cgroups, the link to its root, its state. */
export function endRunSteps(engine: Engine, record: ContainerRecord): Step[] {
  return [
    ...endProcessesSteps(engine, record),
    ...removeCgroupSteps(engine.cgroups, cgroupPath(record.id)),
    ...forgetRun(engine, record, { ignoreErrors: true }),
  ];
}

/**
 * The end of a container, whole. Cgroups first, because who is still in one may be at work in the layers; then layers, name and record:
 * whatever is killed between two of them, or cannot be removed, `rm` can be said again. The name before the record, because a name
 * without a container is free for others; and only where it is still this container's: one that failed to claim it must not take it
 * from who has it.
 */
export function removeSteps(engine: Engine, record: ContainerRecord): Step[] {
  const path = cgroupPath(record.id);
  const cgroups = [...removeCgroupSteps(engine.cgroups, path), ...missCgroupSteps(engine.cgroups, path)];
  const aside = engine.paths.layer(`${record.layer}${REMOVING}`);
  return [
    ...endProcessesSteps(engine, record),
    ...cgroups,
    setAsideStep(engine.paths, record.layer),
    step('remove_tree', { ...at, name: aside }, 'remove the read-write layer'),
    ...removeFilesSteps(engine, record),
  ];
}

function removeFilesSteps(engine: Engine, record: ContainerRecord): Step[] {
  const { paths } = engine;
  return [
    ...removeLayerSteps(paths, record),
    // Without a record nobody would look for it.
    ...forgetRun(engine, record),
    unlinkLate(paths, record),
    step('unlink_link', { ...at, pathname: paths.name(record.name), target: record.id }, 'free the name'),
    step(
      'unlink_linked',
      { ...at, pathname: paths.newName(record.id), target: record.id },
      'and what it was renamed to',
    ),
    step(
      'remove_tree',
      { ...at, name: paths.container(record.id) },
      'remove the record and the files that were bound in',
    ),
  ];
}

/** Plays `otherwise` when one of the steps fails: nothing that could not be removed may be forgotten, nor how the container ended. */
function orElse(steps: readonly Step[], otherwise: readonly Step[]): Step[] {
  const jumping = steps.map((one, i) =>
    one.ignoreErrors ? one : { ...one, expect: { ...one.expect, [ANY]: steps.length - i - 1 } },
  );
  const last = jumping.pop();
  return last === undefined ? [] : [...jumping, { ...last, thenSkip: otherwise.length }, ...otherwise];
}

/**
 * What the monitor does when the container has ended. With --rm it is a container like any other for as long as something stays.
 * @param fresh its cgroups are new with this run
 * @param goesOn it has a restart policy
 */
export function afterSteps(engine: Engine, record: ContainerRecord, fresh: boolean, goesOn: boolean): Step[] {
  const before = fresh ? 0 : oomKills(engine.cgroups, cgroupPath(record.id));
  const base = before > 0 ? [step('oom_base', { count: before }, 'those were killed in a run before')] : [];
  return [...base, ...endSteps(engine, record, goesOn)];
}

/** @param goesOn the monitor may start it again: what else a run leaves is for then, or for its end */
function endSteps(engine: Engine, record: ContainerRecord, goesOn: boolean): Step[] {
  const exit = recordExitSteps(engine, record);
  const died = diedSteps(engine, record);
  if (goesOn)
    return [
      ...exit,
      ...died,
      ...endProcessesSteps(engine, record),
      ...removeCgroupSteps(engine.cgroups, cgroupPath(record.id)),
      ...closeOpened([...exit, ...died]),
    ];
  if (!record.remove) return [...exit, ...died, ...endRunSteps(engine, record)];
  const removal = [
    ...endProcessesSteps(engine, record),
    ...removeCgroupSteps(engine.cgroups, cgroupPath(record.id), true), // a start encodes them: no step more than is needed
    ...removeFilesSteps(engine, record),
    endStep(engine, record, 'destroy', {}),
  ];
  const kept = { ...at, pathname: engine.paths.kept(record.id), flags: 0 };
  const unlessKept = { expect: { ENOENT: 0 }, thenSkip: removal.length };
  const all = [...died, step('unlinkat', kept, 'it stays if it is being restarted', unlessKept), ...removal];
  return orElse(all, [...exit, ...forgetRun(engine, record, { ignoreErrors: true })]);
}

/** Its processes are there still, and so is their cgroup: it knows who was killed for want of memory. */
function diedSteps(engine: Engine, record: ContainerRecord): Step[] {
  const memoryEvents = memoryEventsPath(engine.cgroups, cgroupPath(record.id));
  return [
    openNameStep(engine, record),
    ...(memoryEvents === undefined ? [] : [endStep(engine, record, 'oom', { memoryEvents })]),
    endStep(engine, record, 'die', { ended: nowNs() }),
  ];
}

/** Where the data root has no room, beside the run's own directory: a reboot takes it away, but no exit code is made up until then. */
function recordExitSteps({ paths, cgroups }: Engine, record: ContainerRecord): Step[] {
  const events = memoryEventsPath(cgroups, cgroupPath(record.id)) ?? null;
  const open = (pathname: string, why: string, more: StepOptions) =>
    step('openat', { ...at, pathname, flags: O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 }, why, { save: 'record', ...more });
  const write = (name: string, temporary: string, more: StepOptions) =>
    step(
      'record_exit',
      { dirfd: slot('record'), name, temporary, memory_events: events },
      'how and when it ended',
      more,
    );
  const late = `${record.id}.exit`;
  return [
    open(paths.container(record.id), 'where its record is', { expect: { ENOENT: 3, [ANY]: 1 } }), // or nobody asks
    write('exit.json', 'exit.tmp', { expect: { [ANY]: 0 }, thenSkip: 2 }),
    open(paths.runRoot, 'there was no room for it', { expect: { [ANY]: 1 } }),
    write(late, `${late}.tmp`, { ignoreErrors: true }),
  ];
}
