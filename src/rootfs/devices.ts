import { IN_ROOT } from '../kernel/abi.ts';
import { MS, O, S } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Mount, Spec } from '../spec/oci.ts';
import { madeDeviceSteps, makedev } from './made-devices.ts';
import { parseMountOptions } from './mount-options.ts';

/** name, major, minor: Documentation/admin-guide/devices.txt. */
const DEVICES: readonly [string, number, number][] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
];
const LINKS: readonly [string, string][] = [
  ['/proc/self/fd', 'fd'],
  ['/proc/self/fd/0', 'stdin'],
  ['/proc/self/fd/1', 'stdout'],
  ['/proc/self/fd/2', 'stderr'],
];
/** A configuration that lists one of these gets the usual one. */
const OWN = new Set([...DEVICES.map(([name]) => name), ...LINKS.map(([, name]) => name), 'ptmx', 'console']);

/** A container that brings its own /dev (a bind mount) keeps it as it is. */
export function isFreshDev({ destination, type }: Mount): boolean {
  return type === 'tmpfs' && destination.replace(/\/+$/, '') === '/dev';
}

/** Whether `deviceSteps` leaves a null device of the container's own in the slot `null`: nobody can open one on a mount with nodev. */
export function hasOwnNull({ mounts = [] }: Spec): boolean {
  return mounts.some((mount) => isFreshDev(mount) && !(parseMountOptions(mount).flags & MS.MS_NODEV));
}

/** Now, before a volume can cover it. For what has no stream, and to hide files: the host's own node could be changed from inside. */
function openNullSteps(): Step[] {
  const flags = O.O_RDWR | O.O_NOCTTY | O.O_NOFOLLOW | O.O_CLOEXEC;
  return [
    step(
      'openat',
      { dirfd: slot('dev'), pathname: 'null', flags, mode: 0 },
      'the container’s null device, not the host’s',
      {
        save: 'null',
      },
    ),
  ];
}

/**
 * The six devices, those of the configuration, the links that programs expect, and ptmx: all made in the tmpfs that was mounted at
 * /dev a moment ago, by its descriptor. Before anything is mounted below it, so that a volume may cover a device (`-v
 * /dev/urandom:/dev/random`) and no device is made inside a volume.
 */
export function deviceSteps(spec: Spec): Step[] {
  const hasPts = (spec.mounts ?? []).some(({ destination }) => destination === '/dev/pts');
  return [
    step(
      'in_root',
      { root: slot('root'), path: 'dev', want: IN_ROOT.directory | IN_ROOT.noSymlinks },
      'the fresh /dev',
      { save: 'dev' },
    ),
    ...DEVICES.map(([name, major, minor]) =>
      step(
        'mknodat',
        { dirfd: slot('dev'), pathname: name, mode: S.S_IFCHR | 0o666, dev: makedev(major, minor) },
        `/dev/${name} (${major}:${minor})`,
      ),
    ),
    ...(hasOwnNull(spec) ? openNullSteps() : []),
    ...madeDeviceSteps(spec.linux?.devices ?? [], OWN),
    ...LINKS.map(([target, name]) =>
      step('symlinkat', { target, newdirfd: slot('dev'), linkpath: name }, `/dev/${name}`),
    ),
    ...(hasPts
      ? [
          step(
            'symlinkat',
            { target: 'pts/ptmx', newdirfd: slot('dev'), linkpath: 'ptmx' },
            '/dev/ptmx of the new pts, not the host’s',
          ),
        ]
      : []),
  ];
}
