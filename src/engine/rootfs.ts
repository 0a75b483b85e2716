import { closeSync, openSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { O } from '../kernel/constants.ts';
import { closeAhead, type OpenedAhead, openAhead, readInRoot, statInRoot, TO_READ } from '../plan/in-root.ts';
import type { InitEntry } from '../store/layers.ts';
import { ENGINE_VERSION } from './engine.ts';

const HINT = 'make one with `tsrun rootfs ./rootfs`';
/** A passwd file of a hundred thousand users; what is larger is an attack on our memory. */
const MAX_ACCOUNT_FILE = 8 * 1024 * 1024;

/** The given root directory, checked: absolute, links resolved on the host, where it lies. @throws TsrunError 'not-found', 'usage' */
export function checkRootfs(goal: string, path: string): string {
  const fail = (what: string, code: string) =>
    new TsrunError('not-found', `${goal}: ${path}: ${what}`, { code, hint: HINT });
  let real: string;
  try {
    real = realpathSync.native(path);
    if (!statSync(real).isDirectory()) throw fail('is a file, not a root directory', 'ENOTDIR');
    if (readdirSync(real).length === 0) throw fail('the directory is empty', 'ENOENT');
  } catch (error) {
    if (error instanceof TsrunError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw fail('no such directory', 'ENOENT');
    throw new TsrunError('not-found', `${goal}: ${path}: ${code}: cannot be used as a root directory`, {
      code,
      hint: HINT,
      cause: error,
    });
  }
  return real;
}

/** A root directory, and what a new container asks of it opened ahead. */
export interface OpenRootfs {
  fd: number;
  ahead: OpenedAhead;
}

const REAL_DIRECTORY = IN_ROOT.noSymlinks | IN_ROOT.directory;
const ASKED_FOR = {
  'etc/passwd': TO_READ,
  'etc/group': TO_READ,
  dev: REAL_DIRECTORY,
  etc: REAL_DIRECTORY,
  proc: REAL_DIRECTORY,
  sys: REAL_DIRECTORY,
};

/** Runs `use` with the directory open. */
export function withRootfs<T>(goal: string, path: string, use: (root: OpenRootfs) => T): T {
  const fd = openSync(path, O.O_PATH | O.O_DIRECTORY);
  let ahead: OpenedAhead = new Map();
  try {
    ahead = openAhead(goal, fd, ASKED_FOR);
    return use({ fd, ahead });
  } finally {
    closeAhead(ahead);
    closeSync(fd);
  }
}

export interface AccountFiles {
  passwd: Buffer | null;
  group: Buffer | null;
}

/**
 * /etc/passwd and /etc/group as somebody inside would find them. A container may make them unreadable, which must not lock out root or
 * a user who is given by number: for those they are then as good as missing.
 * @param user as given to -u
 */
export function readAccounts(goal: string, { fd, ahead }: OpenRootfs, user: string): AccountFiles {
  const read = (path: string): Buffer | null => {
    try {
      return readInRoot(goal, fd, path, MAX_ACCOUNT_FILE, ahead);
    } catch (error) {
      if (/^\d*(:\d*)?$/.test(user)) return null;
      throw error;
    }
  };
  return { passwd: read('etc/passwd'), group: read('etc/group') };
}

/** In shell syntax, so that `. /.tsrunenv` works. */
function environmentFile(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}="${value.replace(/[\\"$`]/g, '\\$&').replaceAll('\n', ' ')}"\n`)
    .join('');
}

export interface InitLayerFacts {
  id: string;
  name: string;
  rootfs: string;
}

/**
 * What the init layer holds, as Docker's (facts: docker-on-disk §2): the marker /.dockerenv that existing software looks for, our own
 * /.tsrunenv, the files that are bind-mounted over, and the mount points that the root directory may lack. A link, fifo or file in
 * the place of one of these directories is hidden by a real one; an existing directory keeps its owner and mode.
 */
export function initLayer(goal: string, root: OpenRootfs, { id, name, rootfs }: InitLayerFacts): InitEntry[] {
  const like = (path: string, why: string): InitEntry & { type: 'directory' } => {
    const found = realDirectory(goal, root, path);
    return {
      type: 'directory',
      path,
      why,
      mode: found ? found.mode & 0o7777 : 0o755,
      uid: found?.uid ?? 0,
      gid: found?.gid ?? 0,
    };
  };
  const empty = (path: string, why: string): InitEntry => ({ type: 'file', path, why, mode: 0o755, text: '' });
  const missing = (path: string): InitEntry[] =>
    realDirectory(goal, root, path) ? [] : [like(path, `/${path}: a mount point that the root directory lacks`)];
  const facts = { engine: `tsrun-${ENGINE_VERSION}`, version: ENGINE_VERSION, id, name, rootfs };
  return [
    like('dev', '/dev: a real directory, whatever the root directory has there'),
    empty('dev/console', '/dev/console, as Docker has it'),
    like('etc', '/etc: a real directory, with owner and mode of the root directory’s own'),
    ...['hosts', 'hostname', 'resolv.conf'].map((name) =>
      empty(`etc/${name}`, `/etc/${name}: the container’s own is mounted over it`),
    ),
    { type: 'link', path: 'etc/mtab', why: '/etc/mtab: what is mounted', target: '/proc/mounts' },
    ...missing('proc'),
    ...missing('sys'),
    empty('.dockerenv', 'the marker that software looks for to see that it is in a container'),
    {
      type: 'file',
      path: '.tsrunenv',
      why: 'which container this is, for the one who stands in it',
      mode: 0o644,
      text: environmentFile(facts),
    },
  ];
}

/** undefined also for a link: the init layer's directory hides it. */
function realDirectory(goal: string, { fd, ahead }: OpenRootfs, path: string): Stats | undefined {
  try {
    return statInRoot(goal, fd, path, REAL_DIRECTORY, ahead);
  } catch (error) {
    if (error instanceof SyscallError && error.code === 'ELOOP') return undefined;
    throw error;
  }
}
