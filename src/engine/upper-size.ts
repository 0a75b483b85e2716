import { type BigIntStats, lstatSync } from 'node:fs';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { Directory } from './layer-view.ts';

/** As deep as a path may be, and some: a deeper tree was made to exhaust whoever walks it. */
const MAX_DEPTH = 3000;
const BLOCK = 512;

type Measure = (stat: BigIntStats) => number;

/** Bytes on the disk of what a container wrote; a file with several names counts once. 0 when its layer cannot be read. */
export function upperSize({ paths }: Engine, { layer }: ContainerRecord): number {
  return treeSize(`${paths.layer(layer)}/diff`, (stat) => Number(stat.blocks) * BLOCK);
}

/** Docker's: the lengths of the files, not of directories. */
export const fileSizes = (path: string): number =>
  treeSize(path, (stat) => (stat.isDirectory() ? 0 : Number(stat.size)));

function treeSize(path: string, measure: Measure): number {
  let top: Directory;
  try {
    top = new Directory(path);
  } catch {
    return 0;
  }
  try {
    return sizeBelow(top, measure, { seen: new Set(), device: lstatSync(`${top.path}/.`, { bigint: true }).dev }, 0);
  } finally {
    top.close();
  }
}

/** What is mounted below is none of it. */
function sizeBelow(
  directory: Directory,
  measure: Measure,
  walk: { seen: Set<bigint>; device: bigint },
  depth: number,
): number {
  let total = 0;
  for (const name of directory.names()) {
    const stat = directory.stat(name);
    if (stat === undefined || stat.dev !== walk.device || walk.seen.has(stat.ino)) continue;
    if (stat.nlink > 1n && !stat.isDirectory()) walk.seen.add(stat.ino);
    total += measure(stat);
    const child = stat.isDirectory() && depth < MAX_DEPTH ? directory.child(name) : undefined;
    if (child === undefined) continue;
    try {
      total += sizeBelow(child, measure, walk, depth + 1);
    } finally {
      child.close();
    }
  }
  return total;
}
