import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { Directory } from './layer-view.ts';

/** As deep as a path may be, and some: a deeper tree was made to exhaust whoever walks it. */
const MAX_DEPTH = 3000;
const BLOCK = 512;

/** Bytes on the disk of what a container wrote; a file with several names counts once. 0 when its layer cannot be read. */
export function upperSize({ paths }: Engine, { layer }: ContainerRecord): number {
  let top: Directory;
  try {
    top = new Directory(`${paths.layer(layer)}/diff`);
  } catch {
    return 0;
  }
  try {
    return sizeBelow(top, new Set(), 0);
  } finally {
    top.close();
  }
}

function sizeBelow(directory: Directory, seen: Set<bigint>, depth: number): number {
  let total = 0;
  for (const name of directory.names()) {
    const stat = directory.stat(name);
    if (stat === undefined || seen.has(stat.ino)) continue;
    if (stat.nlink > 1n && !stat.isDirectory()) seen.add(stat.ino);
    total += Number(stat.blocks) * BLOCK;
    const child = stat.isDirectory() && depth < MAX_DEPTH ? directory.child(name) : undefined;
    if (child === undefined) continue;
    try {
      total += sizeBelow(child, seen, depth + 1);
    } finally {
      child.close();
    }
  }
  return total;
}
