import { processesBelow } from '../../cgroup/host.ts';
import { missCgroupSteps, removeCgroupSteps } from '../../cgroup/steps.ts';
import { play } from '../../plan/play.ts';
import { readRecord } from '../../store/record.ts';
import { cgroupPath } from '../create.ts';
import { sayWhoIsLeft } from '../kill.ts';
import type { Finding, Holder, Stranger } from './finding.ts';
import { parseMounts, placeOf } from './mounts.ts';
import { holderOf } from './processes.ts';
import { changedAt, isThere, realPath, type Scene } from './scene.ts';
import { insist } from './while-free.ts';

/** A cgroup that is named as a container's is, of none that is here: its directories in all hierarchies. */
interface Homeless {
  id: string;
  paths: string[];
  /** undefined: that cannot be told. */
  ours: boolean | undefined;
  members: Holder[];
}

function homeless(scene: Scene): Homeless[] {
  const found = new Map<string, string[]>();
  for (const { id, path } of scene.cgroups)
    if (!scene.ids.has(id) && isThere(path)) found.set(id, [...(found.get(id) ?? []), path]);
  return [...found].map(([id, paths]) => {
    const pids = [...new Set(paths.flatMap(processesBelow))];
    return { id, paths, ours: isOurs(scene, id, pids), members: pids.slice(0, 5).flatMap((pid) => holder(scene, pid)) };
  });
}

function holder({ processes }: Scene, pid: number): Holder[] {
  const process = processes.all.get(pid);
  return process ? [holderOf(process)] : [];
}

/**
 * Every data root of a machine has its cgroups in the same places. Whose one is, is told by the monitor, which has the container's lock
 * open; by the processes in it, whose /etc/hosts is a file of the container's directory; by the run directory.
 */
function isOurs(scene: Scene, id: string, pids: readonly number[]): boolean | undefined {
  const answers = [byMonitor(scene, id), ...pids.slice(0, 5).map((pid) => byMounts(scene, pid, id))];
  return answers.find((answer) => answer !== undefined) ?? (scene.runs.includes(id) ? true : undefined);
}

function byMonitor({ engine, processes }: Scene, id: string): boolean | undefined {
  const lock = `/containers/${id}/run.lock`;
  const file = processes.files.find(({ path }) => path.replace(/ \(deleted\)$/, '').endsWith(lock));
  return file?.path.startsWith(`${realPath(engine.paths.containers)}/${id}/`);
}

function byMounts({ engine, processes }: Scene, pid: number, id: string): boolean | undefined {
  const inode = processes.all.get(pid)?.mounts;
  const seen = processes.namespaces.find((one) => processes.all.get(one.pid)?.mounts === inode);
  const row = parseMounts(seen?.mountinfo ?? '').find(({ root }) => root.includes(`/containers/${id}/`));
  const here = row && placeOf(realPath(engine.paths.containers));
  return here && row.device === here.device && row.root.startsWith(`${here.path}/${id}/`);
}

export function lookAtCgroups(scene: Scene): Finding[] {
  return homeless(scene)
    .filter(({ ours }) => ours === true)
    .map(({ id, paths, members }): Finding => {
      const where = paths[0]!;
      const what = `the cgroup of container ${id.slice(0, 12)}, which is gone`;
      const about = { kind: 'cgroup', where, container: id, what, since: changedAt(where), heldBy: members } as const;
      if (members.length > 0) return { ...about, advice: 'end those processes first' };
      const fix = paths.length > 1 ? `removes it, in ${paths.length} hierarchies` : 'removes it';
      return { ...about, fix, repair: () => removeCgroup(scene, id, paths) };
    });
}

function removeCgroup({ engine }: Scene, id: string, paths: readonly string[]): void {
  insist(paths.flatMap(processesBelow).length === 0, 'processes are in it');
  insist(readRecord(engine.paths, id) === undefined, 'it has a container');
  const path = cgroupPath(id);
  try {
    play(`remove the cgroup of ${id.slice(0, 12)}`, [
      ...removeCgroupSteps(engine.cgroups, path),
      ...missCgroupSteps(engine.cgroups, path),
    ]);
  } catch (error) {
    throw sayWhoIsLeft(error, id);
  }
}

/** Those that nobody can tell the owner of; what is known to be of another data root is not even said. */
export function strangeCgroups(scene: Scene): Stranger[] {
  return homeless(scene)
    .filter(({ ours }) => ours === undefined)
    .map(({ id, paths, members }) => ({
      where: paths[0]!,
      what: `the cgroup of container ${id.slice(0, 12)}, which is not below this data root${members.length > 0 ? '' : '; nobody is in it: when no other data root has that container, rmdir removes it'}`,
      since: changedAt(paths[0]!),
      heldBy: members,
    }));
}
