import { readFileSync } from 'node:fs';
import { MNT } from '../../kernel/constants.ts';
import { play } from '../../plan/play.ts';
import { step } from '../../plan/step.ts';
import { containerStatus, isUp } from '../status.ts';
import type { Finding, Stranger } from './finding.ts';
import { isBelow } from './processes.ts';
import { realPath, type Scene } from './scene.ts';
import { insist, whileFree } from './while-free.ts';

/** A line of mountinfo (proc_pid_mountinfo(5)). */
export interface MountRow {
  /** major:minor */
  device: string;
  /** Of the file system, what is mounted. */
  root: string;
  point: string;
  type: string;
}

const unescapeOctal = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export function parseMounts(mountinfo: string): MountRow[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , device, root, point] = left.split(' ');
    const type = right.split(' ')[0] ?? '';
    if (device === undefined || root === undefined || point === undefined) return [];
    return [{ device, root: unescapeOctal(root), point: unescapeOctal(point), type }];
  });
}

export const ownMounts = (): MountRow[] => parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));

/** A directory as mountinfo names the source of a bind mount: its device, and its path from the root of that. */
export function placeOf(path: string): { device: string; path: string } | undefined {
  const above = ownMounts().filter(({ point }) => point === '/' || isBelow(path, [point]));
  const row = above.toSorted((a, b) => a.point.length - b.point.length).at(-1);
  if (row === undefined) return undefined;
  const rest = row.point === '/' ? path : path.slice(row.point.length);
  return { device: row.device, path: row.root === '/' ? rest : row.root + rest };
}

const BELOW_CONTAINER = /^\/containers\/([0-9a-f]{64})\//;
const BELOW_LAYER = /^\/overlay2\/([0-9a-f]{64})(?:-init)?\//;

/**
 * Mounts that this process sees below a container's or a layer's directory, innermost first. A run makes none there: its mounts are in
 * its own namespace. One on `containers/` or above is the machine's own arrangement.
 */
function below({ engine: { paths } }: Scene): { point: string; rest: string }[] {
  const root = realPath(paths.dataRoot);
  return ownMounts()
    .filter(({ point }) => point.startsWith(`${root}/`))
    .map(({ point }) => ({ point, rest: point.slice(root.length) }))
    .toSorted((a, b) => b.point.length - a.point.length);
}

export function lookAtMounts(scene: Scene): Finding[] {
  return below(scene).flatMap(({ point, rest }): Finding[] => {
    if (!BELOW_CONTAINER.test(rest) && !BELOW_LAYER.test(rest)) return [];
    const id = ownerOf(scene, rest);
    const about = {
      kind: 'mount',
      where: point,
      container: id,
      what: 'a mount in a place of tsrun’s, outside of any container',
      heldBy: scene.processes.holders(point),
    } as const;
    if (id !== undefined && runs(scene, id))
      return [{ ...about, advice: 'its container runs: umount it when it does not' }];
    const repair = () => {
      const unmount = () => {
        insist(id === undefined || !runs(scene, id), 'its container runs');
        play(`unmount ${point}`, [
          step('umount2', { target: point, flags: MNT.UMOUNT_NOFOLLOW }, 'nobody of ours put it there'),
        ]);
      };
      if (id !== undefined && scene.records.has(id)) whileFree(scene.engine, id, 'run', unmount);
      else unmount();
    };
    return [{ ...about, fix: 'unmounts it', repair }];
  });
}

function ownerOf({ records }: Scene, rest: string): string | undefined {
  const id = BELOW_CONTAINER.exec(rest)?.[1];
  const layer = BELOW_LAYER.exec(rest)?.[1];
  return id ?? [...records.values()].find((record) => record.layer === layer)?.id;
}

function runs({ engine, records }: Scene, id: string): boolean {
  const record = records.get(id);
  return record !== undefined && isUp(containerStatus(engine, record));
}

/** Below the run directory nothing is ever mounted, nor elsewhere below the data root. */
export function strangeMounts(scene: Scene): Stranger[] {
  const { paths } = scene.engine;
  const runRoot = realPath(paths.runRoot);
  const arranged = new Set([paths.containers, paths.overlay, paths.links, paths.names].map(realPath));
  const elsewhere = below(scene).filter(
    ({ point, rest }) => !arranged.has(point) && !BELOW_CONTAINER.test(rest) && !BELOW_LAYER.test(rest),
  );
  const inRuns = ownMounts().filter(({ point }) => point.startsWith(`${runRoot}/`));
  return [...elsewhere, ...inRuns].map(({ point }) => ({
    where: point,
    what: 'a mount that tsrun did not make',
    heldBy: scene.processes.holders(point),
  }));
}
