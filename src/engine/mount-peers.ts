import { closeSync, openSync, readFileSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { MS, O } from '../kernel/constants.ts';
import { parseMountOptions } from '../rootfs/mount-options.ts';
import { hasPeers } from '../rootfs/root.ts';
import type { Spec } from '../spec/oci.ts';

interface MountEntry {
  point: string;
  shared: boolean;
  slave: boolean;
}

/** The mount that a path lies on (proc_pid_fdinfo(5), proc_pid_mountinfo(5)); undefined when the path is not there. */
function mountOf(path: string): MountEntry | undefined {
  let fd: number;
  try {
    fd = openSync(path, O.O_PATH);
  } catch {
    return undefined;
  }
  try {
    const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((one) => one.startsWith(`${id} `));
    const words = line?.split(' ');
    if (words === undefined) return undefined;
    const peers = words.slice(6, words.indexOf('-'));
    return {
      point: words[4] ?? '',
      shared: peers.some((word) => word.startsWith('shared:')),
      slave: peers.some((word) => word.startsWith('master:')),
    };
  } finally {
    closeSync(fd);
  }
}

/**
 * What is mounted in a volume reaches the host, or the other way round, only where the host's own mount has peers: without, the wish
 * would be silently in vain. Docker's rule and words.
 * @throws TsrunError 'unsupported'
 */
export function refuseVolumesWithoutPeers(goal: string, spec: Spec): void {
  if (!hasPeers(spec)) return;
  for (const mount of spec.mounts ?? []) {
    const { bind, propagation } = parseMountOptions(mount);
    if (!bind || (propagation & (MS.MS_SHARED | MS.MS_SLAVE)) === 0) continue;
    const source = mount.source ?? '';
    const on = mountOf(source);
    if (on === undefined || on.shared || (on.slave && (propagation & MS.MS_SHARED) === 0)) continue;
    const kind = propagation & MS.MS_SHARED ? 'shared' : 'shared or slave';
    throw new TsrunError(
      'unsupported',
      `${goal}: path ${source} is mounted on ${on.point} but it is not a ${kind} mount`,
      {
        hint: `make it one: mount --bind ${source} ${source}; mount --make-shared ${source}`,
      },
    );
  }
}
