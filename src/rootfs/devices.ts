import { IN_ROOT } from '../kernel/abi.ts';
import { S } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Mount, Spec } from '../spec/oci.ts';
import { madeDeviceSteps, makedev } from './made-devices.ts';

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
