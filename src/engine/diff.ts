import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';
import { fileError } from '../store/files.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { Directory, isWhiteout, LowerView } from './layer-view.ts';

/** Each level holds a few descriptors, and a container may nest as deep as it likes. */
const MAX_DEPTH = 2000;

/** One path that the container added, changed or deleted. */
export interface Change {
  kind: 'A' | 'C' | 'D';
  /** From the root, as bytes: names need not be UTF-8. */
  path: Buffer;
  /** Bytes of content before and now: a regular file's own, of a deleted directory all that was in it; undefined where there is none. */
  before: number | undefined;
  after: number | undefined;
}

/** The layers of a container, opened. */
export interface Layers {
  upper: Directory;
  lower: LowerView;
  close(): void;
}

export function openLayers({ paths }: Engine, { layer, rootfs }: ContainerRecord): Layers {
  const open: Directory[] = [];
  try {
    for (const path of [join(paths.layer(layer), 'diff'), join(paths.layer(`${layer}-init`), 'diff'), rootfs])
      open.push(new Directory(path));
  } catch (error) {
    for (const directory of open) directory.close();
    throw error;
  }
  const [upper, ...lowers] = open as [Directory, ...Directory[]];
  const lower = new LowerView(lowers);
  return {
    upper,
    lower,
    close: () => {
      upper.close();
      lower.close();
    },
  };
}

/**
 * What the container's layer changes of what lies below, as Docker tells it: a directory is listed when it or anything in it
 * changed, of a deleted one only itself, and what was merely copied up is not. Sorted by path.
 * @throws TsrunError
 */
export function diffContainer(engine: Engine, reference: string): Change[] {
  const record = findContainer(engine, reference);
  try {
    const layers = openLayers(engine, record);
    try {
      return walk(compareDirectories({ ...layers, hidden: false, path: Buffer.from('/'), depth: 0 })).sort(byPath);
    } finally {
      layers.close();
    }
  } catch (error) {
    throw fileError(`diff ${reference}`, error);
  }
}

/** A directory of the upper layer and what lies below it. */
export interface Place {
  upper: Directory;
  lower: LowerView | undefined;
  /** The directory or one above it is opaque: nothing of `lower` can be seen. */
  hidden: boolean;
  /** Ends with a slash. */
  path: Buffer;
  depth: number;
}

const SELF = Buffer.from('.');

/** `trusted.overlay.opaque`: `y` hides what is below; `x` (Linux 6.7) says that empty files with an attribute are whiteouts here. */
export function marksOf(upper: Directory): { opaque: boolean; attributeWhiteouts: boolean } {
  const value = upper.attribute(SELF, 'trusted.overlay.opaque')?.toString('latin1');
  const attributeWhiteouts = value === 'x' || upper.attribute(SELF, 'trusted.overlay.whiteouts') !== undefined;
  return { opaque: value === 'y', attributeWhiteouts };
}

/** A directory or an entry that is compared; it yields what is in it. */
interface Walk extends Generator<Walk, Change[], Change[]> {}

/** By hand: Node's stack ends long before a container's directories do. */
function walk(root: Walk): Change[] {
  const open = [root];
  let found: Change[] = [];
  try {
    while (open.length > 0) {
      const { done, value } = open.at(-1)!.next(found);
      if (done) open.pop();
      else open.push(value);
      found = done ? value : [];
    }
  } finally {
    for (const one of open.reverse()) one.return([]);
  }
  return found;
}

function* compareDirectories(place: Place): Walk {
  if (place.depth > MAX_DEPTH)
    throw new TsrunError('unsupported', `directories are nested more than ${MAX_DEPTH} deep`);
  const { upper, lower, path } = place;
  const marks = marksOf(upper);
  const hidden = place.hidden || marks.opaque;
  const names = upper.names();
  const changes: Change[] = [];
  for (const name of names) {
    for (const change of yield compareEntry({ ...place, hidden }, name, marks.attributeWhiteouts)) changes.push(change);
  }
  if (!hidden || !lower) return changes;
  const kept = new Set(names.map((name) => name.toString('latin1')));
  const gone = lower.names().filter((name) => !kept.has(name.toString('latin1')));
  return [...changes, ...gone.map((name) => deleted(lower, name, path))];
}

function* compareEntry(place: Place, name: Buffer, attributeWhiteouts: boolean): Walk {
  const { upper, lower, path } = place;
  const now = upper.stat(name);
  if (now === undefined) return []; // it went while we looked
  const before = lower?.stat(name);
  if (isDeletion(upper, name, now, attributeWhiteouts)) return lower && before ? [deleted(lower, name, path)] : [];
  const inside = now.isDirectory() ? yield compareBelow(place, name) : goneBelow(place, name, before);
  const own: Change = {
    kind: before ? 'C' : 'A',
    path: Buffer.concat([path, name]),
    before: sizeOf(before),
    after: sizeOf(now),
  };
  const listed = before === undefined || inside.length > 0 || differs(place, name, before, now);
  return listed ? [own, ...inside] : inside;
}

export function isDeletion(upper: Directory, name: Buffer, now: BigIntStats, attributeWhiteouts: boolean): boolean {
  if (isWhiteout(now)) return true;
  return (
    attributeWhiteouts &&
    now.isFile() &&
    now.size === 0n &&
    upper.attribute(name, 'trusted.overlay.whiteout') !== undefined
  );
}

function* compareBelow({ upper, lower, hidden, path, depth }: Place, name: Buffer): Walk {
  const child = upper.child(name);
  if (child === undefined) return [];
  const below = lower?.child(name);
  try {
    const place = { upper: child, lower: below, hidden, path: Buffer.concat([path, name, Buffer.from('/')]) };
    return yield compareDirectories({ ...place, depth: depth + 1 });
  } finally {
    child.close();
    below?.close();
  }
}

/** A directory that something else took the place of: what was in it is gone. */
function goneBelow({ lower, path }: Place, name: Buffer, before: BigIntStats | undefined): Change[] {
  const below = before?.isDirectory() ? lower?.child(name) : undefined;
  if (below === undefined) return [];
  try {
    return below.names().map((child) => deleted(below, child, Buffer.concat([path, name, Buffer.from('/')])));
  } finally {
    below.close();
  }
}

export function deleted(lower: LowerView, name: Buffer, path: Buffer): Change {
  return { kind: 'D', path: Buffer.concat([path, name]), before: contentOf(lower, name, 0), after: undefined };
}

function contentOf(lower: LowerView, name: Buffer, depth: number): number | undefined {
  const stat = lower.stat(name);
  if (!stat?.isDirectory() || depth > MAX_DEPTH) return sizeOf(stat);
  const child = lower.child(name);
  if (child === undefined) return undefined;
  try {
    return child.names().reduce((sum, entry) => sum + (contentOf(child, entry, depth + 1) ?? 0), 0);
  } finally {
    child.close();
  }
}

function sizeOf(stat: BigIntStats | undefined): number | undefined {
  return stat?.isFile() ? Number(stat.size) : undefined;
}

/** Docker's idea of a change. Of directories neither size nor time count: overlayfs copies them up for their content's sake. */
export function differs({ upper, lower }: Place, name: Buffer, before: BigIntStats, now: BigIntStats): boolean {
  if (before.mode !== now.mode || before.uid !== now.uid || before.gid !== now.gid || before.rdev !== now.rdev)
    return true;
  if (now.isDirectory()) return false;
  if (before.size !== now.size || before.mtimeNs !== now.mtimeNs) return true;
  if (!now.isFile()) return false;
  const capability = 'security.capability';
  const [old, current] = [lower?.attribute(name, capability), upper.attribute(name, capability)];
  return !(old ?? SELF).equals(current ?? SELF);
}

function byPath(a: Change, b: Change): number {
  return Buffer.compare(a.path, b.path);
}
