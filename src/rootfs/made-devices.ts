import { TsrunError } from '../errors/tsrun-error.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { AT, S } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Device } from '../spec/oci.ts';

const KIND: Record<Device['type'], number> = { c: S.S_IFCHR, u: S.S_IFCHR, b: S.S_IFBLK, p: S.S_IFIFO };
const DEFAULT_MODE = 0o666;
const PERMISSIONS = 0o7777;
const MAJORS = 1 << 12;
const MINORS = 1 << 20;

/** dev_t as mknod(2) takes it: include/linux/kdev_t.h, new_encode_dev. */
export function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** `net` and `tun` for /dev/net/tun. @throws TsrunError 'config' for what does not lie below /dev */
function placeOf({ path }: Device, field: string): { directory: string; name: string } {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.at(-1);
  if (parts[0] !== 'dev' || parts.length < 2 || parts.includes('..') || name === undefined)
    throw new TsrunError('config', `config.json: ${field}.path: must lie below /dev: ${JSON.stringify(path)}`);
  return { directory: parts.slice(1, -1).join('/'), name };
}

function numberOf({ type, major = 0, minor = 0 }: Device, field: string): number {
  if (type === 'p') return 0;
  if (major >= MAJORS || minor >= MINORS)
    throw new TsrunError('config', `config.json: ${field}: no device has the number ${major}:${minor}`);
  return makedev(major, minor);
}

function nodeSteps(device: Device, name: string, directory: string, field: string): Step[] {
  const { type, major, minor, fileMode = DEFAULT_MODE, uid = 0, gid = 0 } = device;
  const dirfd = slot(directory === '' ? 'dev' : 'devices');
  const mode = KIND[type] | (fileMode & PERMISSIONS);
  const numbers = type === 'p' ? 'a named pipe' : `${major ?? 0}:${minor ?? 0}`;
  return [
    step(
      'mknodat',
      { dirfd, pathname: name, mode, dev: numberOf(device, field) },
      `${device.path} (${numbers}), as the configuration asks`,
    ),
    ...(uid === 0 && gid === 0
      ? []
      : [
          step(
            'fchownat',
            { dirfd, pathname: name, owner: uid, group: gid, flags: AT.AT_SYMLINK_NOFOLLOW },
            'its owner',
          ),
        ]),
  ];
}

/**
 * linux.devices, made in the fresh /dev by the descriptor of their directory (slot `dev`), before anything is mounted below it: no
 * path of the container is followed. The umask is 0 here, so that modes are what they are.
 * @param own names that /dev has already: they stay as they are
 */
export function madeDeviceSteps(devices: readonly Device[], own: ReadonlySet<string>): Step[] {
  let at = '';
  return devices.flatMap((device, index) => {
    const field = `linux.devices[${index}]`;
    const { directory, name } = placeOf(device, field);
    if (directory === '' && own.has(name)) return [];
    const moved = directory !== '' && directory !== at;
    if (moved) at = directory;
    return [
      ...(moved
        ? [
            step(
              'in_root',
              { root: slot('dev'), path: directory, want: IN_ROOT.makeDir | IN_ROOT.noSymlinks },
              `/dev/${directory}, for the devices in it`,
              { save: 'devices' },
            ),
          ]
        : []),
      ...nodeSteps(device, name, directory, field),
    ];
  });
}
