import { AT } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, type StepOptions, step } from '../plan/step.ts';
import { SOCKET_NAME } from '../runtime/monitor-plan.ts';
import { newFile } from '../store/layers.ts';
import type { Paths } from '../store/paths.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { eventStep } from './events/record-event.ts';

const at = { dirfd: AT.AT_FDCWD };
const unlink = (pathname: string, why: string): Step =>
  step('unlinkat', { ...at, pathname, flags: 0 }, why, { ignoreErrors: true });

export const unlinkLate = (paths: Paths, { id }: ContainerRecord): Step =>
  step('unlinkat', { ...at, pathname: paths.lateExit(id), flags: 0 }, 'and how it ended, where that was written late', {
    expect: { ENOENT: 0 },
  });

/** It has not ended any more; but when it did last is still to be told. */
const setExitAside = (paths: Paths, { id }: ContainerRecord, more: StepOptions): Step =>
  step(
    'renameat2',
    { olddirfd: AT.AT_FDCWD, oldpath: paths.exit(id), newdirfd: AT.AT_FDCWD, newpath: paths.lastExit(id), flags: 0 },
    'how it ended before is over',
    more,
  );

export const mergedPath = (paths: Paths, { layer }: ContainerRecord): string => `${paths.layer(layer)}/merged`;
const rootLink = (paths: Paths, { id }: ContainerRecord): string => `${paths.run(id)}/root`;

/**
 * The intent: from here on the container counts as started, whoever is killed.
 * @param first it has never been started
 */
export function recordStartSteps(
  { paths, machine }: Engine,
  record: ContainerRecord,
  startedAt: string,
  first: boolean,
): Step[] {
  const directory = paths.container(record.id);
  const text = `${startedAt} ${machine.bootId()}`;
  const [started, temporary] = [`${directory}/started`, `${directory}/started.tmp`];
  const mkdir = (pathname: string, why: string) =>
    step('make_dir', { ...at, pathname, mode: 0o700 }, why, { expect: { EEXIST: 0 } });
  const run = mkdir(paths.run(record.id), 'what is known of the run');
  const merged = mergedPath(paths, record);
  const link = step(
    'symlinkat',
    { target: rootLink(paths, record), newdirfd: AT.AT_FDCWD, linkpath: merged },
    'the merged view, where Docker has it; by way of what a reboot takes away: by then the pid is another’s',
  );
  if (first) return [run, link, newFile(started, text, 0o600, 'from here on it has been started')];
  return [
    mkdir(paths.runRoot, 'which a reboot takes away'),
    run,
    step('unlinkat', { ...at, pathname: rootLink(paths, record), flags: 0 }, 'of a run that was killed', {
      expect: { ENOENT: 0 },
    }),
    step('unlinkat', { ...at, pathname: merged, flags: 0 }, 'of the same', { expect: { ENOENT: 0 } }),
    step('unlinkat', { ...at, pathname: `${paths.run(record.id)}/${SOCKET_NAME}`, flags: 0 }, 'and of its monitor', {
      expect: { ENOENT: 0 },
    }),
    step('remove_tree', { ...at, name: paths.execs(record.id) }, 'and what was executed in it', { ignoreErrors: true }),
    link,
    setExitAside(paths, record, { expect: { ENOENT: 0 } }),
    unlinkLate(paths, record),
    step('unlinkat', { ...at, pathname: paths.stopped(record.id), flags: 0 }, 'somebody wants it to run', {
      expect: { ENOENT: 0 },
    }),
    step('unlinkat', { ...at, pathname: paths.kept(record.id), flags: 0 }, 'it was, for that', {
      expect: { ENOENT: 0 },
    }),
    unlink(paths.restarts(record.id), 'this start is somebody’s'),
    unlink(paths.restarting(record.id), 'its monitor was killed'),
    unlink(paths.health(record.id), 'it begins anew'),
    step('unlinkat', { ...at, pathname: temporary, flags: 0 }, 'of one that was killed', { expect: { ENOENT: 0 } }),
    newFile(temporary, text, 0o600, 'from here on it has been started again'),
    step(
      'renameat2',
      { olddirfd: AT.AT_FDCWD, oldpath: temporary, newdirfd: AT.AT_FDCWD, newpath: started, flags: 0 },
      'whole or not at all',
    ),
  ];
}

/**
 * What is known of a run from the moment on at which its command executes; slot: `pid`. The start time of a process names it for ever.
 * @param attached who starts it has its streams: Docker's clients attach first, and start then
 */
export function recordRunSteps(engine: Engine, record: ContainerRecord, attached: boolean): Step[] {
  const { paths, machine } = engine;
  const run = paths.run(record.id);
  const state = `${run}/state.json`;
  const head = `{"version":1,"bootId":${JSON.stringify(machine.bootId())}`;
  return [
    step(
      'record_run',
      { ...at, pathname: state, temporary: `${state}.tmp`, head, pid: slot('pid') },
      'which processes it is, for every other command',
    ),
    step(
      'link_root',
      { ...at, pathname: rootLink(paths, record), pid: slot('pid') },
      'its root, seen from outside: the merged view leads here',
    ),
    ...(attached ? [eventStep(engine, record, 'attach')] : []),
    eventStep(engine, record, 'start'),
  ];
}

/** The same of a run that the monitor has started. Until then it counts as ended. */
export function recordAgainSteps(engine: Engine, record: ContainerRecord): Step[] {
  const { paths, machine } = engine;
  const directory = paths.container(record.id);
  const [started, temporary] = [`${directory}/started`, `${directory}/started.tmp`];
  const rest = ` ${machine.bootId()}`;
  return [
    ...recordRunSteps(engine, record, false),
    step(
      'symlinkat',
      { target: rootLink(paths, record), newdirfd: AT.AT_FDCWD, linkpath: mergedPath(paths, record) },
      'the merged view',
      {
        ignoreErrors: true,
      },
    ),
    step('record_start', { ...at, pathname: started, temporary, rest }, 'when that was', { ignoreErrors: true }),
    setExitAside(paths, record, { ignoreErrors: true }),
    unlink(paths.exit(record.id), 'gone in any case'),
    unlink(paths.lateExit(record.id), 'the same, where it was written late'),
  ];
}
