import { AT, O } from '../kernel/constants.ts';
import { type Step, step } from '../plan/step.ts';
import { randomBytes, randomHex } from './files.ts';
import type { Paths } from './paths.ts';

const LINK_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LINK_LENGTH = 26;

/** A short name below overlay2/l: mount options must fit in a page however deep the data root lies. */
export function newLink(): string {
  return Array.from(randomBytes(LINK_LENGTH), (byte) => LINK_ALPHABET[byte & 31]).join('');
}
/** The name of a layer's directory: random, and not the container's id, as Docker has it. */
export const newLayer = (): string => randomHex(32);

export const isLink = (name: unknown): boolean => typeof name === 'string' && /^[A-Z2-7]{26}$/.test(name);
export const isLayer = (name: unknown): boolean => typeof name === 'string' && /^[0-9a-f]{64}$/.test(name);

const here = { dirfd: AT.AT_FDCWD };
export const newDirectory = (pathname: string, mode: number, why: string): Step =>
  step('make_dir', { ...here, pathname, mode }, why);
export const newFile = (pathname: string, data: string, mode: number, why: string): Step =>
  step(
    'write_file',
    { ...here, pathname, flags: O.O_WRONLY | O.O_CREAT | O.O_EXCL, mode, data, length: Buffer.byteLength(data) },
    why,
  );

/** One file or directory of the init layer. Owner and mode of a directory are those that the root directory has there. */
export type InitEntry =
  | { type: 'directory'; path: string; why: string; mode: number; uid: number; gid: number }
  | { type: 'file'; path: string; why: string; mode: number; text: string }
  | { type: 'link'; path: string; why: string; target: string };

function entryStep(diff: string, entry: InitEntry): Step[] {
  const pathname = `${diff}/${entry.path}`;
  if (entry.type === 'file') return [newFile(pathname, entry.text, entry.mode, entry.why)];
  if (entry.type === 'link')
    return [step('symlinkat', { target: entry.target, newdirfd: AT.AT_FDCWD, linkpath: pathname }, entry.why)];
  const made = newDirectory(pathname, entry.mode, entry.why);
  const owned = entry.uid !== 0 || entry.gid !== 0;
  return owned
    ? [made, step('fchownat', { ...here, pathname, owner: entry.uid, group: entry.gid, flags: 0 }, 'its owner')]
    : [made];
}

export interface LayerNames {
  rootfs: string;
  layer: string;
  links: { rootfs: string; init: string; layer: string };
}

/** What Docker's overlay2 has on disk for a container: `<layer>-init` with the marker, and `<layer>` for what the container writes. */
export function makeLayerSteps(paths: Paths, names: LayerNames, entries: readonly InitEntry[]): Step[] {
  const init = paths.layer(`${names.layer}-init`);
  const top = paths.layer(names.layer);
  const link = (name: string, target: string, why: string) =>
    step('symlinkat', { target, newdirfd: AT.AT_FDCWD, linkpath: `${paths.links}/${name}` }, why);
  return [
    link(
      names.links.rootfs,
      names.rootfs,
      'a short name for the given root directory, without the characters that overlay options cannot hold',
    ),
    newDirectory(init, 0o710, 'the init layer'),
    newFile(`${init}/link`, names.links.init, 0o644, 'its short name'),
    link(names.links.init, `../${names.layer}-init/diff`, 'the same, to follow'),
    newFile(`${init}/lower`, `l/${names.links.rootfs}`, 0o644, 'what lies below it'),
    newDirectory(`${init}/work`, 0o700, 'unused: this layer is read-only by the time it is used'),
    newDirectory(`${init}/diff`, 0o755, 'its content'),
    ...entries.flatMap((entry) => entryStep(`${init}/diff`, entry)),
    newFile(`${init}/committed`, '', 0o600, 'it is complete'),
    newDirectory(top, 0o710, 'the read-write layer'),
    newFile(`${top}/link`, names.links.layer, 0o644, 'its short name'),
    link(names.links.layer, `../${names.layer}/diff`, 'the same, to follow'),
    newFile(`${top}/lower`, `l/${names.links.init}:l/${names.links.rootfs}`, 0o644, 'what lies below it'),
    newDirectory(`${top}/diff`, 0o755, 'upper: what the container writes'),
    newDirectory(`${top}/work`, 0o700, 'work: overlayfs prepares its changes here'),
  ];
}

/** What a layer is called while it is being removed: whoever is killed meanwhile leaves all of it, or none under its own name. */
export const REMOVING = '-removing';

export function setAsideStep(paths: Paths, layer: string): Step {
  const [oldpath, newpath] = [paths.layer(layer), paths.layer(`${layer}${REMOVING}`)];
  const move = { olddirfd: AT.AT_FDCWD, oldpath, newdirfd: AT.AT_FDCWD, newpath, flags: 0 };
  return step('renameat2', move, 'nobody takes half of it for a layer', { ignoreErrors: true });
}

/** Undoes makeLayerSteps, however far it got. Stops at what cannot be removed: it must not be forgotten. */
export function removeLayerSteps(paths: Paths, names: Omit<LayerNames, 'rootfs'>): Step[] {
  const tree = (name: string, why: string) => step('remove_tree', { ...here, name }, why);
  return [
    tree(paths.layer(names.layer), 'remove the read-write layer'),
    tree(paths.layer(`${names.layer}-init`), 'remove the init layer'),
    ...Object.values(names.links).map((name) => tree(`${paths.links}/${name}`, 'remove a short name')),
  ];
}
