import { IN_ROOT } from '../kernel/abi.ts';
import { FS_MAGIC, IOCTL, MS, O } from '../kernel/constants.ts';
import { fdPath, type Struct, slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';

export interface WindowSize {
  rows: number;
  columns: number;
}

const UNLOCKED: Struct = { bytes: Buffer.alloc(4), shown: '[0]' };

function windowSize({ rows, columns }: WindowSize): Struct {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(rows, 0);
  bytes.writeUInt16LE(columns, 2);
  return { bytes, shown: `{ws_row=${rows}, ws_col=${columns}}` };
}

/**
 * A pseudo-terminal from the container's own devpts. The container's end is the peer of our own master (TIOCGPTPEER), never a path
 * that the container could have replaced (CVE-2025-52565); the master goes to the launcher through a socket.
 * The slot `pts` holds a directory descriptor on the container's devpts, `launcher` the socket.
 */
export function terminalSteps(size: WindowSize | undefined): Step[] {
  return [
    step('check_fs', { fd: slot('pts'), magic: FS_MAGIC.DEVPTS_SUPER_MAGIC }, 'make sure that it is a devpts'),
    step(
      'openat',
      { dirfd: slot('pts'), pathname: 'ptmx', flags: O.O_RDWR | O.O_NOCTTY | O.O_NOFOLLOW | O.O_CLOEXEC, mode: 0 },
      'a new pseudo-terminal: our end',
      { save: 'master' },
    ),
    step('ioctl', { fd: slot('master'), request: IOCTL.TIOCSPTLCK, arg: UNLOCKED }, 'unlock the other end'),
    step(
      'ioctl',
      { fd: slot('master'), request: IOCTL.TIOCGPTPEER, arg: O.O_RDWR | O.O_NOCTTY | O.O_CLOEXEC },
      'the container’s end',
      { save: 'terminal' },
    ),
    ...(size
      ? [
          step(
            'ioctl',
            { fd: slot('master'), request: IOCTL.TIOCSWINSZ, arg: windowSize(size) },
            'as large as the caller’s window',
          ),
        ]
      : []),
    step('send_fd', { socket: slot('launcher'), fd: slot('master') }, 'hand our end to who carries the bytes'),
  ];
}

/** The container's devpts, as the new root holds it. */
export function openPtsSteps(): Step[] {
  return [
    step(
      'in_root',
      { root: slot('root'), path: 'dev/pts', want: IN_ROOT.directory | IN_ROOT.noSymlinks },
      'the devpts that was just mounted',
      { save: 'pts' },
    ),
  ];
}

/** /dev/console is the terminal, as Docker has it. */
export function consoleMountSteps(): Step[] {
  return [
    step(
      'in_root',
      { root: slot('root'), path: 'dev/console', want: IN_ROOT.makeFile | IN_ROOT.noSymlinks },
      'a place for /dev/console',
      { save: 'console' },
    ),
    step(
      'mount',
      {
        source: fdPath('terminal'),
        target: fdPath('console'),
        filesystemtype: null,
        mountflags: MS.MS_BIND,
        data: null,
      },
      'the terminal is the console',
    ),
  ];
}
