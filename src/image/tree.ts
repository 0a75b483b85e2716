import { constants } from 'node:fs';
import { chmod, copyFile, lchown, lutimes, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

interface Owned {
  /** uid and gid; root's when left out. */
  readonly owner?: number;
}

/** One name of a tree that is to be made. Nothing is made while the tree is being planned. */
export type Entry =
  | (Owned & { readonly kind: 'directory'; readonly mode: number })
  | (Owned & { readonly kind: 'text'; readonly mode: number; readonly text: string })
  /** A copy of a file of this machine; `from` has no links left in it. */
  | {
      readonly kind: 'copy';
      readonly from: string;
      readonly mode: number;
      readonly size: number;
      readonly time: number;
    }
  | { readonly kind: 'link'; readonly target: string };

/** By absolute path inside the tree. */
export type Tree = Map<string, Entry>;

// Where a merged-/usr tree keeps what other layouts keep elsewhere (file-hierarchy(7)).
const MERGED = [
  ['/bin', '/usr/bin'],
  ['/sbin', '/usr/sbin'],
  ['/lib', '/usr/lib'],
  ['/lib64', '/usr/lib64'],
  ['/var/run', '/run'],
  ['/var/lock', '/run/lock'],
] as const;

/** The place of a path of this machine in a merged-/usr tree: `/bin/bash` → `/usr/bin/bash`. */
export function placeOf(path: string): string {
  const clean = posix.resolve('/', path);
  const rule = MERGED.find(([from]) => clean === from || clean.startsWith(`${from}/`));
  return rule === undefined ? clean : rule[1] + clean.slice(rule[0].length);
}

export function mergedLinks(tree: Tree): void {
  for (const [from, to] of MERGED) addLink(tree, from, to);
}

/** A link is relative, so that it stays inside the tree also when the host reads it. The first entry of a path stays. */
export function addLink(tree: Tree, path: string, target: string): void {
  if (path !== target) add(tree, path, { kind: 'link', target: posix.relative(posix.dirname(path), target) });
}

export function add(tree: Tree, path: string, entry: Entry): void {
  if (!tree.has(path)) tree.set(path, entry);
}

export function treeBytes(tree: Tree): number {
  let bytes = 0;
  for (const entry of tree.values()) {
    if (entry.kind === 'copy') bytes += entry.size;
    if (entry.kind === 'text') bytes += Buffer.byteLength(entry.text);
  }
  return bytes;
}

/** Makes the tree below an empty directory. The same machine gives the same bytes, modes, owners and times. */
export async function writeTree(root: string, tree: Tree, signal: AbortSignal | undefined): Promise<void> {
  addParents(tree);
  const paths = [...tree.keys()].sort(); // a directory sorts before what is in it
  for (const path of paths) {
    signal?.throwIfAborted();
    await writeEntry(join(root, path), tree.get(path) as Entry);
  }
  const time = newest(tree);
  // Backwards, because a new name in a directory changes the directory's time.
  for (const path of paths.reverse()) await settle(join(root, path), tree.get(path) as Entry, time);
  await settle(root, { kind: 'directory', mode: 0o755 }, time);
}

function addParents(tree: Tree): void {
  for (const path of [...tree.keys()]) {
    for (let parent = dirname(path); parent !== '/'; parent = dirname(parent)) {
      add(tree, parent, { kind: 'directory', mode: 0o755 });
    }
  }
}

async function writeEntry(path: string, entry: Entry): Promise<void> {
  switch (entry.kind) {
    case 'directory':
      return void (await mkdir(path));
    case 'text':
      return writeFile(path, entry.text, { flag: 'wx' });
    case 'copy':
      // A reflink where the file system has them. Never a hard link: a write in the container would reach the host.
      return copyFile(entry.from, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    case 'link':
      return symlink(entry.target, path);
  }
}

/** Modes by hand, because of the umask and because copyFile(3) keeps what must go. */
async function settle(path: string, entry: Entry, time: number): Promise<void> {
  const owner = 'owner' in entry ? (entry.owner ?? 0) : 0;
  if (process.getuid?.() === 0) await lchown(path, owner, owner);
  if (entry.kind !== 'link') await chmod(path, entry.mode);
  const own = entry.kind === 'copy' ? entry.time : time;
  await lutimes(path, own, own);
}

/** What is not copied gets the time of the newest copy: the clock would make two trees differ. */
function newest(tree: Tree): number {
  let time = 0;
  for (const entry of tree.values()) if (entry.kind === 'copy') time = Math.max(time, entry.time);
  return time;
}

/** A copy of a regular file of this machine, without links: its real path is what `from` has to be. */
export async function copyOf(from: string): Promise<Entry> {
  const { mode, size, mtimeMs } = await stat(from);
  // No setuid, no setgid and, as copies have no extended attributes, no file capabilities: who starts a program in a
  // container has its rights already, and a tree that others can read must not give them any.
  return { kind: 'copy', from, mode: mode & 0o777, size, time: Math.floor(mtimeMs / 1000) };
}
