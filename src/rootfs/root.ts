import { AT, MNT, MS, O } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Spec } from '../spec/oci.ts';
import { PROPAGATION } from './mount-options.ts';
import type { Overlay } from './types.ts';

/** A volume asked to see what the host mounts later: our copies of the host's mounts stay slaves of them. */
export function hasPeers({ linux }: Spec): boolean {
  const propagation = linux?.rootfsPropagation ?? '';
  return propagation.includes('slave') || propagation.includes('shared');
}

/** What the container mounts must not reach the host: our copy of its mounts leaves every peer group. */
export function propagationSteps(spec: Spec): Step[] {
  const peers = hasPeers(spec);
  const flags = peers ? PROPAGATION.rslave! : PROPAGATION.rprivate!;
  return [
    step(
      'mount',
      { source: null, target: '/', filesystemtype: null, mountflags: flags, data: null },
      peers
        ? 'from here on no mount of ours is seen outside; what the host mounts is still seen here'
        : 'from here on no mount of ours is seen outside, nor the other way round',
    ),
  ];
}

/** The overlay of lower and upper directories on the bundle's root directory, seen in this mount namespace alone. */
export function overlaySteps(rootPath: string, overlay: Overlay): Step[] {
  const layers = `lowerdir=${overlay.lowerDirs.join(':')},upperdir=${overlay.upperDir},workdir=${overlay.workDir}`;
  const options = overlay.volatile ? `${layers},volatile` : layers;
  return [
    step('chdir', { path: overlay.base }, 'the layers are named from here'),
    step(
      'mount',
      { source: 'overlay', target: rootPath, filesystemtype: 'overlay', mountflags: 0, data: options },
      overlay.volatile
        ? 'lower directories read-only, every write goes to the upper one, and with it when the container ends'
        : 'lower directories read-only, every write goes to the upper one',
    ),
  ];
}

/** pivot_root wants a mount point: a plain directory becomes one by a bind mount onto itself. */
export function bindRootSteps(rootPath: string): Step[] {
  return [
    step(
      'mount',
      { source: rootPath, target: rootPath, filesystemtype: null, mountflags: MS.MS_BIND | MS.MS_REC, data: null },
      'make the root directory a mount point',
    ),
  ];
}

/** From here on the root is a descriptor, and every path inside is resolved from it. */
export function openRootSteps(rootPath: string): Step[] {
  return [
    step(
      'openat',
      { dirfd: AT.AT_FDCWD, pathname: rootPath, flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 },
      'the new root, as a descriptor: paths inside it are never strings to the host',
      { save: 'root' },
    ),
  ];
}

/** The new root becomes `/` and the host's disappears, for good: nothing that was open on it is left (see confine). */
export function pivotSteps(): Step[] {
  return [
    step('fchdir', { fd: slot('root') }, 'stand in the new root'),
    step('pivot_root', { new_root: '.', put_old: '.' }, 'make it /, with the old root mounted on top of it'),
    step('umount2', { target: '.', flags: MNT.MNT_DETACH }, 'take the old root away'),
    step('chdir', { path: '/' }, 'out of the old root'),
  ];
}

export function finishRootSteps(spec: Spec): Step[] {
  const steps: Step[] = [];
  if (spec.root.readonly) {
    steps.push(
      step(
        'mount',
        {
          source: null,
          target: '/',
          filesystemtype: null,
          mountflags: MS.MS_REMOUNT | MS.MS_BIND | MS.MS_RDONLY,
          data: null,
        },
        'the whole root is read-only',
      ),
    );
  }
  const propagation = spec.linux?.rootfsPropagation;
  if (propagation !== undefined) {
    steps.push(
      step(
        'mount',
        { source: null, target: '/', filesystemtype: null, mountflags: PROPAGATION[propagation]!, data: null },
        `mounts below / propagate as ${propagation}`,
      ),
    );
  }
  return steps;
}
