import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../spec/oci.ts';

/** Made afresh in every container, or none of its business. */
const leftOut = () =>
  new Set([
    'pts',
    'shm',
    'fd',
    'mqueue',
    'console',
    'ptmx',
    'null',
    'zero',
    'full',
    'random',
    'urandom',
    'tty',
    '.lxc',
    '.lxd-mounts',
    '.udev',
  ]);
const DEVICE = 0o170000;
const CHARACTER = 0o020000;
const BLOCK = 0o060000;

/** The host's device nodes, for --privileged, as Docker gives them. Links are not followed. */
export function hostDevices(directory = '/dev'): Device[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry): Device[] => {
    if (directory === '/dev' && leftOut().has(entry.name)) return [];
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return hostDevices(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    const { mode, rdev, uid, gid } = lstatSync(path);
    const type = (mode & DEVICE) === BLOCK ? 'b' : (mode & DEVICE) === CHARACTER ? 'c' : undefined;
    if (type === undefined) return [];
    // gnu_dev_major(3) and gnu_dev_minor(3); a double holds all of dev_t's bits that are in use.
    const major = (Math.floor(rdev / 256) & 0xfff) | (Math.floor(rdev / 2 ** 32) & ~0xfff);
    const minor = (rdev & 0xff) | (Math.floor(rdev / 2 ** 12) & ~0xff);
    return [{ type, path, major, minor, fileMode: mode & 0o777, uid, gid }];
  });
}
