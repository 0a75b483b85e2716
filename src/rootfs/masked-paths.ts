import { IN_ROOT } from '../kernel/abi.ts';
import { AT, MS, O } from '../kernel/constants.ts';
import { fdPath, slot, withoutRoot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Spec } from '../spec/oci.ts';
import { hasOwnNull } from './devices.ts';
import { attachTree, cloneTree } from './trees.ts';

/** Not there on this kernel: nothing to hide. */
const absent = (skip: number) => ({ ENOENT: skip, ENOTDIR: skip });

/** What kernels have as directories: tried as such first, as a mount that fails takes 0.1 ms. */
const DIRECTORIES = new Set([
  '/proc/acpi',
  '/proc/asound',
  '/proc/scsi',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]);

/** A container that brings its own /dev has none that could be trusted: there it is the host's. */
function openHidingSteps(spec: Spec): Step[] {
  if (hasOwnNull(spec)) return [];
  const flags = O.O_PATH | O.O_NOFOLLOW | O.O_CLOEXEC;
  return [
    step(
      'openat',
      { dirfd: AT.AT_FDCWD, pathname: '/dev/null', flags, mode: 0 },
      'what hides a file: the host’s null device',
      { save: 'hiding' },
    ),
  ];
}

function hideSteps(hiding: string): [Step, Step] {
  const target = fdPath('mask');
  return [
    step(
      'mount',
      { source: fdPath(hiding), target, filesystemtype: null, mountflags: MS.MS_BIND, data: null },
      'a file reads as empty',
    ),
    step(
      'mount',
      { source: 'tmpfs', target, filesystemtype: 'tmpfs', mountflags: MS.MS_RDONLY, data: 'nr_blocks=1,nr_inodes=1' },
      'a directory is empty',
    ),
  ];
}

/** The step after it is for what it does not fit. */
const withNext = (first: Step): Step => ({ ...first, thenSkip: 1, expect: { ENOTDIR: 0 } });

/** Files are hidden by /dev/null, directories by an empty read-only tmpfs. The mask is proven to be the device (CVE-2025-31133). */
export function maskedPathSteps(spec: Spec): Step[] {
  const paths = spec.linux?.maskedPaths ?? [];
  if (paths.length === 0) return [];
  const hiding = hasOwnNull(spec) ? 'null' : 'hiding';
  // The same steps for every path: a start has no time to make them twelve times.
  const [onFile, onDirectory] = hideSteps(hiding);
  const fileFirst = [withNext(onFile), onDirectory];
  const directoryFirst = [withNext(onDirectory), onFile];
  return [
    ...openHidingSteps(spec),
    step(
      'check_device',
      { fd: slot(hiding), major: 1, minor: 3 },
      'what hides a file: make sure that it is the null device',
    ),
    ...paths.flatMap((path) => [
      step(
        'in_root',
        { root: slot('root'), path: withoutRoot(path), want: IN_ROOT.notRoot },
        `hide ${path}, if this kernel has it`,
        {
          save: 'mask',
          expect: absent(2),
        },
      ),
      ...(DIRECTORIES.has(path) ? directoryFirst : fileFirst),
    ]),
  ];
}

/** Kernel settings can be read and not changed. */
export function readonlyPathSteps(spec: Spec): Step[] {
  const flags = MS.MS_REMOUNT | MS.MS_BIND | MS.MS_RDONLY | MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC;
  return (spec.linux?.readonlyPaths ?? []).flatMap((path) => [
    step(
      'in_root',
      { root: slot('root'), path: withoutRoot(path), want: IN_ROOT.notRoot },
      `make ${path} read-only, if this kernel has it`,
      { save: 'fixed', expect: absent(3) },
    ),
    cloneTree({ dirfd: slot('fixed'), pathname: '' }, true, 'a mount of its own'),
    attachTree('fixed', 'onto itself'),
    step(
      'mount',
      { source: null, target: fdPath('tree'), filesystemtype: null, mountflags: flags, data: null },
      'read-only',
    ),
  ]);
}
