import { type BigIntStats, closeSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { O } from '../kernel/constants.ts';
import type { Struct } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { step } from '../plan/step.ts';

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * A directory held by its descriptor. Whatever lies in it was named by a container: one name at a time is looked up, as
 * bytes, and no link is followed, so that nothing outside of it can be reached.
 */
export class Directory {
  readonly fd: number;

  constructor(path: string | Buffer) {
    this.fd = openSync(path, O.O_PATH | O.O_DIRECTORY | O.O_NOFOLLOW);
  }
  /** To hand to what takes a path. */
  get path(): string {
    return `/proc/self/fd/${this.fd}`;
  }
  #at(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.path}/`), name]);
  }
  /** In the order of their bytes. */
  names(): Buffer[] {
    return readdirSync(`${this.path}/.`, { encoding: 'buffer' }).sort(Buffer.compare);
  }
  stat(name: Buffer): BigIntStats | undefined {
    return ifThere(() => lstatSync(this.#at(name), { bigint: true }));
  }
  /** undefined when it is no directory. The caller closes it. */
  child(name: Buffer): Directory | undefined {
    return ifThere(() => new Directory(this.#at(name)));
  }
  /** The value of an extended attribute of an entry that is no link; undefined when there is none. At most 64 bytes of it. */
  attribute(name: Buffer, attribute: string): Buffer | undefined {
    const path = this.#at(name);
    const value: Struct = { bytes: Buffer.alloc(64), shown: 'value' };
    const played = play('read an attribute', [
      step('getxattr', { path, name: attribute, value, size: 64 }, 'what overlayfs noted', {
        save: 'length',
        ignoreErrors: true,
      }),
    ]);
    const length = played.value('length');
    return length > 0 ? Buffer.from(played.bytes(value).subarray(0, length)) : undefined;
  }
  close(): void {
    closeSync(this.fd);
  }
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** How overlayfs notes that something is deleted: a character device 0:0. */
export function isWhiteout(stat: BigIntStats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0n;
}

/** One directory of all lower layers together, top first, as overlayfs merges them: what is no directory ends the search. */
export class LowerView {
  readonly #layers: readonly Directory[];

  constructor(layers: readonly Directory[]) {
    this.#layers = layers;
  }
  stat(name: Buffer): BigIntStats | undefined {
    for (const layer of this.#layers) {
      const stat = layer.stat(name);
      if (stat) return isWhiteout(stat) ? undefined : stat;
    }
    return undefined;
  }
  attribute(name: Buffer, attribute: string): Buffer | undefined {
    return this.#layers.find((layer) => layer.stat(name))?.attribute(name, attribute);
  }
  names(): Buffer[] {
    const names = this.#layers.flatMap((layer) => layer.names());
    const unique = new Map(names.map((name) => [name.toString('latin1'), name]));
    return [...unique.values()].filter((name) => this.stat(name)).sort(Buffer.compare);
  }
  /** undefined when it is no directory. The caller closes it. */
  child(name: Buffer): LowerView | undefined {
    const layers: Directory[] = [];
    for (const layer of this.#layers) {
      const stat = layer.stat(name);
      if (stat && !stat.isDirectory()) break;
      const child = stat && layer.child(name);
      if (child) layers.push(child);
    }
    return layers.length > 0 ? new LowerView(layers) : undefined;
  }
  close(): void {
    for (const layer of this.#layers) layer.close();
  }
}
