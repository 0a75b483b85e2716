import type { BigIntStats } from 'node:fs';
import { type Change, deleted, differs, isDeletion, type Layers, marksOf, type Place } from './diff.ts';
import type { Directory, LowerView } from './layer-view.ts';

/** The names from the root to a directory, as bytes. */
export type Components = readonly Buffer[];

export interface UpperEvents {
  report(change: Change): void;
  /** A directory was looked into; called before its names are read, so that what comes later is noticed. */
  entered(upper: Directory, components: Components): void;
  left(components: Components): void;
  /** Once the container has ended, what vanishes was cleaned up by us. */
  isRunning(): boolean;
}

interface Known {
  signature: string;
  /** undefined for a whiteout of nothing. */
  change: Change | undefined;
  children: Map<string, Known> | undefined;
}

interface How {
  /** Report the differences; without, only learn. */
  tell: boolean;
  /** Also into directories that are known already. */
  deep: boolean;
}

/** What the upper layer held when it was last looked at; tells what has become different. */
export class UpperMemory {
  readonly #layers: Layers;
  readonly #events: UpperEvents;
  readonly #root: Map<string, Known> = new Map();

  constructor(layers: Layers, events: UpperEvents) {
    this.#layers = layers;
    this.#events = events;
  }

  look(components: Components, how: How): void {
    const opened: { close(): void }[] = [];
    try {
      const place = this.#placeOf(components, opened);
      const known = components.reduce<Map<string, Known> | undefined>(
        (map, name) => map?.get(name.toString('latin1'))?.children,
        this.#root,
      );
      if (place && known) this.#compare(place, components, known, how);
    } finally {
      for (const one of opened) one.close();
    }
  }

  #placeOf(components: Components, opened: { close(): void }[]): Place | undefined {
    let upper = this.#layers.upper;
    let lower: LowerView | undefined = this.#layers.lower;
    let hidden = false;
    for (const name of components) {
      hidden ||= marksOf(upper).opaque;
      const below: LowerView | undefined = lower?.child(name);
      if (below) opened.push(below);
      const next = upper.child(name);
      if (next === undefined) return undefined;
      opened.push(next);
      upper = next;
      lower = below;
    }
    return { upper, lower, hidden, path: pathOf(components), depth: components.length };
  }

  #compare(place: Place, components: Components, known: Map<string, Known>, how: How): void {
    this.#events.entered(place.upper, components);
    const { opaque, attributeWhiteouts } = marksOf(place.upper);
    const here = { ...place, hidden: place.hidden || opaque };
    const names = place.upper.names();
    for (const name of names) {
      const now = place.upper.stat(name);
      if (now === undefined) continue;
      const isNew = this.#learn(here, name, now, known, how, attributeWhiteouts);
      if (now.isDirectory() && (isNew || how.deep)) this.#descend(here, [...components, name], known, isNew, how);
    }
    this.#forget(components, known, new Set(names.map((name) => name.toString('latin1'))), how);
  }

  /** @returns whether it was not there before */
  #learn(place: Place, name: Buffer, now: BigIntStats, known: Map<string, Known>, how: How, marked: boolean): boolean {
    const key = name.toString('latin1');
    const seen = known.get(key);
    const signature = signatureOf(now);
    if (seen?.signature === signature) return false;
    const before = place.lower?.stat(name);
    const change = changeOf(place, name, now, before, marked);
    const isNew = !seen?.children;
    const children = now.isDirectory() ? (seen?.children ?? new Map<string, Known>()) : undefined;
    known.set(key, { signature, change, children });
    const copiedUp = now.isDirectory() && before?.isDirectory() && !differs(place, name, before, now);
    if (how.tell && change && !copiedUp) this.#events.report(change);
    return isNew;
  }

  #descend(place: Place, components: Components, known: Map<string, Known>, isNew: boolean, how: How): void {
    const name = components.at(-1) as Buffer;
    const children = known.get(name.toString('latin1'))?.children;
    const upper = place.upper.child(name);
    const lower = place.lower?.child(name);
    try {
      if (upper === undefined || children === undefined) return;
      const path = pathOf(components);
      const hidden = place.hidden || marksOf(upper).opaque;
      if (how.tell && isNew && hidden && lower) this.#tellHidden(upper, lower, path);
      this.#compare({ upper, lower, hidden, path, depth: components.length }, components, children, how);
    } finally {
      upper?.close();
      lower?.close();
    }
  }

  /** A directory that was removed and made again: what was in it is gone. */
  #tellHidden(upper: Directory, lower: LowerView, path: Buffer): void {
    for (const name of lower.names())
      if (upper.stat(name) === undefined) this.#events.report(deleted(lower, name, path));
  }

  #forget(components: Components, known: Map<string, Known>, there: ReadonlySet<string>, how: How): void {
    for (const [key, { change, children }] of known) {
      if (there.has(key)) continue;
      known.delete(key);
      if (children) this.#events.left([...components, Buffer.from(key, 'latin1')]);
      if (how.tell && change && change.kind !== 'D' && this.#events.isRunning())
        this.#events.report({ ...change, kind: 'D', before: change.after, after: undefined });
    }
  }
}

function changeOf(
  { upper, lower, path }: Place,
  name: Buffer,
  now: BigIntStats,
  before: BigIntStats | undefined,
  marked: boolean,
): Change | undefined {
  if (isDeletion(upper, name, now, marked)) return lower && before ? deleted(lower, name, path) : undefined;
  const size = (stat: BigIntStats | undefined) => (stat?.isFile() ? Number(stat.size) : undefined);
  return { kind: before ? 'C' : 'A', path: Buffer.concat([path, name]), before: size(before), after: size(now) };
}

function pathOf(components: Components): Buffer {
  const slash = Buffer.from('/');
  return Buffer.concat([slash, ...components.flatMap((name) => [name, slash])]);
}

/** A directory's time and size follow what is in it, which is reported by itself. */
function signatureOf(stat: BigIntStats): string {
  const own = [stat.ino, stat.mode, stat.uid, stat.gid, stat.rdev];
  return (stat.isDirectory() ? own : [...own, stat.size, stat.mtimeNs]).join(' ');
}
