import { readdirSync, unlinkSync } from 'node:fs';
import { processesBelow } from '../../cgroup/host.ts';
import { missCgroupSteps } from '../../cgroup/steps.ts';
import { TsrunError } from '../../errors/tsrun-error.ts';
import { play } from '../../plan/play.ts';
import { SOCKET_NAME } from '../../runtime/monitor-plan.ts';
import { type ContainerRecord, readRecord } from '../../store/record.ts';
import { endRunSteps } from '../cleanup.ts';
import { cgroupPath } from '../create.ts';
import type { Engine } from '../engine.ts';
import { sayWhoIsLeft } from '../kill.ts';
import { removeWhole } from '../remove.ts';
import { forgetVolatile } from '../start.ts';
import { containerStatus, isUp, type Status } from '../status.ts';
import type { Finding, Holder } from './finding.ts';
import { holderOf, MONITOR, MOST_HOLDERS, membersOf } from './processes.ts';
import { changedAt, isThere, type Scene } from './scene.ts';
import { insist, whileFree } from './while-free.ts';

const TEMPORARY = /\.tmp(?:-(\d+))?$/;
/** The monitor's own: it may be writing them. */
const OF_MONITOR = new Set(['exit.tmp', 'started.tmp']);

/** Containers with a whole record. One that a command is at work on is left alone. */
export function lookAtContainers(scene: Scene): Finding[] {
  return [...scene.records.values()]
    .filter(({ id }) => !isBusy(scene, id))
    .flatMap((record) => {
      const status = containerStatus(scene.engine, record);
      return [
        ...(isUp(status) ? up(scene, record) : ended(scene, record, status)),
        ...temporaries(scene, record, status),
      ];
    });
}

/** A command has its lock open: it holds it or waits for it. */
export function isBusy({ engine, processes }: Scene, id: string): boolean {
  return processes.holders(`${engine.paths.container(id)}/lock`).length > 0;
}

const monitorsOf = ({ engine, processes }: Scene, id: string) =>
  processes.holders(`${engine.paths.container(id)}/run.lock`);

function up(scene: Scene, record: ContainerRecord): Finding[] {
  const monitors = monitorsOf(scene, record.id);
  if (monitors.length > 0) return unreachable(scene, record, monitors);
  return [
    {
      kind: 'monitor',
      where: scene.engine.paths.container(record.id),
      container: record.id,
      what: `container ${record.name} runs, but its ${MONITOR} has gone: nobody listens on its socket, writes its log, records how it ends or cleans up after it`,
      since: changedAt(scene.engine.paths.run(record.id)),
      heldBy: membersOf(scene, record.id),
      advice: `tsrun stop ${record.name} ends it; --fix does not touch what runs`,
    },
  ];
}

/** Whoever tidied the run directory up did not know that it was in use. */
function unreachable({ engine }: Scene, { id, name }: ContainerRecord, heldBy: readonly Holder[]): Finding[] {
  const where = `${engine.paths.run(id)}/${SOCKET_NAME}`;
  if (isThere(where)) return [];
  const what = `the socket of the ${MONITOR} of container ${name}, which runs, is not there: attach and wait do not reach it`;
  return [{ kind: 'socket', where, container: id, what, heldBy, advice: `tsrun restart ${name} makes another` }];
}

function ended(scene: Scene, record: ContainerRecord, status: Status): Finding[] {
  const { paths } = scene.engine;
  const { id, name, layer } = record;
  const heldBy = monitorsOf(scene, id);
  if (heldBy.length > 0) return standing(scene, record);
  const about = { where: paths.container(id), container: id, heldBy };
  const whole = (why: string): Finding => ({
    ...about,
    kind: 'container',
    what: `container ${name} ${why}`,
    since: changedAt(paths.container(id)),
    fix: 'removes it',
    repair: () =>
      repairEnded(scene.engine, record, (now) => {
        insist(forgotten(scene.engine, record, now) === why, why);
        removeWhole(scene.engine, record);
      }),
  });
  const why = forgotten(scene.engine, record, status);
  if (why !== undefined) return [whole(why)];
  return [...leftOfRun(scene, record), ...halfUsed(scene, record), ...withoutLayer(scene, about, `${name}`, layer)];
}

/** Why a container that has ended should not be there any more. */
function forgotten(
  { paths }: Engine,
  { id, remove, waits, layer }: ContainerRecord,
  status: Status,
): string | undefined {
  const begun = status.startedAt !== undefined;
  if (remove && (begun || !waits)) return 'was to be removed when it ended (--rm), but whoever had to do it was killed';
  if (!begun && !isThere(`${paths.container(id)}/config.json`)) return 'was being made by a command that was killed';
  return isThere(paths.layer(layer)) ? undefined : 'was being removed: nothing that it wrote is left';
}

/** Stopped by a signal, it does not clean up. */
function standing(scene: Scene, { id, name }: ContainerRecord): Finding[] {
  const stopped = monitorsOf(scene, id).filter(({ pid }) => scene.processes.all.get(pid)?.state === 'T');
  return stopped.map((holder) => ({
    kind: 'monitor',
    where: `/proc/${holder.pid}`,
    container: id,
    what: `the ${MONITOR} of container ${name}, which has ended, is stopped and does not clean up`,
    heldBy: [holder],
    advice: `kill -CONT ${holder.pid} lets it; tsrun rm -f ${name} does without it`,
  }));
}

/** What can be changed once it is sure that nobody runs the container or is at work on it, and that it is still the same. */
function repairEnded(engine: Engine, record: ContainerRecord, work: (now: Status) => void): void {
  whileFree(engine, record.id, 'run', () => {
    const now = readRecord(engine.paths, record.id);
    insist(now !== undefined && now.layer === record.layer, 'the container has been removed');
    const status = containerStatus(engine, record);
    insist(!isUp(status), 'the container runs');
    work(status);
  });
}

function leftOfRun(scene: Scene, record: ContainerRecord): Finding[] {
  const { engine } = scene;
  const cgroups = scene.cgroups.filter(({ id }) => id === record.id).map(({ path }) => path);
  const left = [engine.paths.run(record.id), ...cgroups, `${engine.paths.layer(record.layer)}/merged`].filter(isThere);
  if (left[0] === undefined) return [];
  const members = [...new Set(cgroups.flatMap(processesBelow))];
  const about = {
    kind: 'run',
    where: left[0],
    container: record.id,
    what: `container ${record.name} has ended, and nobody cleaned up after it: ${left.length > 1 ? left.join(' ') : 'this is left'}`,
    since: changedAt(left[0]),
    heldBy: members
      .slice(0, MOST_HOLDERS)
      .flatMap((pid) => scene.processes.all.get(pid) ?? [])
      .map(holderOf),
  } as const;
  if (members.length > 0)
    return [{ ...about, advice: `somebody put those processes there; tsrun rm -f ${record.name} ends them` }];
  const repair = () => repairEnded(engine, record, () => cleanUp(engine, record, cgroups));
  return [{ ...about, fix: 'cleans up; what it wrote stays', repair }];
}

function cleanUp(engine: Engine, record: ContainerRecord, cgroups: readonly string[]): void {
  insist(cgroups.flatMap(processesBelow).length === 0, 'processes are in its cgroup');
  const path = cgroupPath(record.id);
  try {
    play(`clean up after container ${record.name}`, [
      ...endRunSteps(engine, record),
      ...missCgroupSteps(engine.cgroups, path),
    ]);
  } catch (error) {
    throw sayWhoIsLeft(error, record.id);
  }
}

function halfUsed({ engine }: Scene, record: ContainerRecord): Finding[] {
  const mark = `${engine.paths.layer(record.layer)}/work/work/incompat/volatile`;
  if (!isThere(mark)) return [];
  return [
    {
      kind: 'volatile',
      where: mark,
      container: record.id,
      what: `the volatile overlay of container ${record.name} was in use when it or the machine ended: what it wrote last may not be on the disk`,
      since: changedAt(mark),
      heldBy: [],
      fix: 'takes the mark away, so that it can be mounted again',
      repair: () => repairEnded(engine, record, () => forgetVolatile(engine, record)),
    },
  ];
}

function withoutLayer(
  { engine: { paths } }: Scene,
  about: Pick<Finding, 'where' | 'container' | 'heldBy'>,
  name: string,
  layer: string,
): Finding[] {
  const init = paths.layer(`${layer}-init`);
  if (isThere(init)) return [];
  const what = `container ${name} cannot be started: its init layer ${init} is not there`;
  return [
    {
      ...about,
      kind: 'record',
      what,
      advice: `tsrun rm ${name} removes it; what it wrote is in ${paths.layer(layer)}/diff`,
    },
  ];
}

function temporaries({ engine, processes }: Scene, record: ContainerRecord, status: Status): Finding[] {
  const directory = engine.paths.container(record.id);
  return names(directory).flatMap((name): Finding[] => {
    const match = TEMPORARY.exec(name);
    if (match === null || (isUp(status) && OF_MONITOR.has(name))) return [];
    if (match[1] !== undefined && processes.all.has(Number(match[1]))) return [];
    const where = `${directory}/${name}`;
    return [
      {
        kind: 'temporary',
        where,
        container: record.id,
        what: 'half-written by a command that was killed',
        since: changedAt(where),
        heldBy: processes.holders(where),
        fix: 'removes it',
        repair: () => whileFree(engine, record.id, OF_MONITOR.has(name) ? 'run' : 'command', () => unlinkSync(where)),
      },
    ];
  });
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw new TsrunError('system', `look at ${directory}: ${(error as Error).message}`, { cause: error });
  }
}
