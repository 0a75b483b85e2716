import { O, S } from '../kernel/constants.ts';
import { slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { makedev } from './made-devices.ts';

const FSOPEN_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;

/**
 * A null device of its own, in a tmpfs that is mounted nowhere and goes with its last descriptor: whoever holds it can change its
 * mode and times, so it must not be the host's. Nor the container's, which could be anything by now: a fifo, a link, another device.
 * Slots: `tmpfs` and `nowhere` on the way, `null` for what follows.
 */
export function nullDevice(): Step[] {
  const flags = O.O_RDWR | O.O_NOCTTY | O.O_NOFOLLOW | O.O_CLOEXEC;
  const create = { fd: slot('tmpfs'), cmd: FSCONFIG_CMD_CREATE, key: null, value: null, aux: 0 };
  const mount = { fsfd: slot('tmpfs'), flags: FSMOUNT_CLOEXEC, attr_flags: 0 };
  const at = { dirfd: slot('nowhere'), pathname: 'dev/null' };
  return [
    step('fsopen', { fsname: 'tmpfs', flags: FSOPEN_CLOEXEC }, 'a tmpfs of its own', { save: 'tmpfs' }),
    step('fsconfig', create, 'made'),
    step('fsmount', mount, 'mounted nowhere', { save: 'nowhere' }),
    step('mkdirat', { dirfd: slot('nowhere'), pathname: 'dev', mode: 0o755 }, 'or it would be seen as /null'),
    step('mknodat', { ...at, mode: S.S_IFCHR | 0o666, dev: makedev(1, 3) }, 'a null device (1:3) in it'),
    step('fchmodat', { ...at, mode: 0o666 }, 'whatever the umask is'),
    step('openat', { ...at, flags, mode: 0 }, 'for the streams that nobody carries', { save: 'null' }),
  ];
}
