import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { missCgroupSteps, removeCgroupSteps } from '../cgroup/steps.ts';
import { rethrowShortage } from '../errors/shortage.ts';
import { AT, O } from '../kernel/constants.ts';
import { type Step, step } from '../plan/step.ts';
import { isLayer, isLink, REMOVING } from '../store/layers.ts';
import type { Paths } from '../store/paths.ts';
import { listIds, readRecord } from '../store/record.ts';
import { cgroupPath } from './create.ts';
import type { Engine } from './engine.ts';

export const INIT = '-init';
const MOST_BYTES = 64 * 1024;

/** What carries a container's id, besides its record. */
export interface Belongings {
  names: string[];
  layers: { layer: string; links: string[] }[];
}

function orElse<T>(path: string, read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    rethrowShortage(error, path);
    return otherwise;
  }
}

const list = (path: string): string[] => orElse(path, () => readdirSync(path), []);
const target = (path: string): string | undefined => orElse(path, () => readlinkSync(path), undefined);

/** A file of ours: no link is followed, and what is no file is not read. */
function textOf(path: string): string {
  return orElse(
    path,
    () => {
      const fd = openSync(path, O.O_NOFOLLOW | O.O_NONBLOCK);
      try {
        const { size } = fstatSync(fd);
        return fstatSync(fd).isFile() && size <= MOST_BYTES ? readFileSync(fd, 'utf8') : '';
      } finally {
        closeSync(fd);
      }
    },
    '',
  );
}

/** The marker in the init layer, which no container can write to, says whose it is (engine/rootfs.ts). */
export function ownerOf(paths: Paths, layer: string): string | undefined {
  const text = textOf(join(paths.layer(`${layer}${INIT}`), 'diff', '.tsrunenv'));
  return /^id="([0-9a-f]{64})"$/m.exec(text)?.[1];
}

export function linksOf(paths: Paths, layer: string): string[] {
  const init = `${layer}${INIT}`;
  const own = [layer, init].flatMap((name) => {
    const leadsThere = (link: string) => isLink(link) && target(join(paths.links, link)) === `../${name}/diff`;
    const link = textOf(join(paths.layer(name), 'link'));
    return leadsThere(link) ? [link] : list(paths.links).filter(leadsThere); // half removed, it does not say it any more
  });
  const below = textOf(join(paths.layer(init), 'lower')).replace(/^l\//, '');
  return isLink(below) ? [...own, below] : own;
}

/** Layers and links that a whole record speaks of are that container's, whatever lies in them. */
function claimedByOthers(paths: Paths, id: string): Set<string> {
  const others = listIds(paths).filter((other) => other !== id);
  return new Set(
    others.flatMap((other) => {
      const record = orElse(paths.container(other), () => readRecord(paths, other), undefined);
      return record ? [record.layer, ...Object.values(record.links)] : [];
    }),
  );
}

/** Found without the record, which cannot be read. @throws TsrunError 'system' when descriptors or memory are too few to look */
export function findBelongings(paths: Paths, id: string): Belongings {
  const taken = claimedByOthers(paths, id);
  const layers = list(paths.overlay)
    .filter((name) => name.endsWith(INIT))
    .map((name) => name.slice(0, -INIT.length))
    .filter((layer) => isLayer(layer) && !taken.has(layer) && ownerOf(paths, layer) === id);
  return {
    names: list(paths.names).filter((name) => target(join(paths.names, name)) === id),
    layers: layers.map((layer) => ({ layer, links: linksOf(paths, layer).filter((link) => !taken.has(link)) })),
  };
}

const at = { dirfd: AT.AT_FDCWD };
const tree = (name: string, why: string): Step => step('remove_tree', { ...at, name }, why);

/** Into the container's directory in one call: half removed, it would not say any more whose it was. */
function takeInSteps(paths: Paths, id: string, name: string): Step[] {
  const from = paths.layer(name);
  const to = join(paths.container(id), `layer-${name}`);
  const move = { olddirfd: AT.AT_FDCWD, oldpath: from, newdirfd: AT.AT_FDCWD, newpath: to, flags: 0 };
  return [
    step('renameat2', move, 'a layer of the container', { expect: { ENOENT: 0, EXDEV: 0 } }),
    tree(from, 'on another file system it is removed where it is'),
  ];
}

/** The end of a container whose record cannot be read: all that is known to be its own, its directory last. */
export function removeDamagedSteps({ paths, cgroups }: Engine, id: string): Step[] {
  const { names, layers } = findBelongings(paths, id);
  const unlink = (link: string): Step =>
    step('unlinkat', { ...at, pathname: join(paths.links, link), flags: 0 }, 'remove a short name', {
      expect: { ENOENT: 0 },
    });
  return [
    ...removeCgroupSteps(cgroups, cgroupPath(id)),
    ...missCgroupSteps(cgroups, cgroupPath(id)),
    ...layers.flatMap(({ layer, links }) => [
      ...links.map(unlink),
      tree(paths.layer(`${layer}${REMOVING}`), 'what a command that was killed had begun to remove'),
      ...takeInSteps(paths, id, layer),
      ...takeInSteps(paths, id, `${layer}${INIT}`),
    ]),
    ...names.map((name) => step('unlink_link', { ...at, pathname: paths.name(name), target: id }, 'free the name')),
    tree(paths.run(id), 'remove what is known of the run'),
    tree(paths.container(id), 'remove what is left'),
  ];
}
