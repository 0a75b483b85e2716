import { TsrunError } from '../errors/tsrun-error.ts';
import { IN_ROOT } from '../kernel/abi.ts';
import { AT, FS_MAGIC, MS } from '../kernel/constants.ts';
import { fdPath, type Struct, slot, withoutRoot } from '../plan/arguments.ts';
import { type Expected, type Step, type StepOptions, step } from '../plan/step.ts';
import type { Mount, Spec } from '../spec/oci.ts';
import { type MountOptions, parseMountOptions } from './mount-options.ts';
import { attachTree, cloneTree } from './trees.ts';
import type { SourceKind } from './types.ts';

const WHY: Record<string, string> = {
  '/proc': 'the processes of this PID namespace',
  '/dev': 'a fresh, empty /dev: nothing of the image can stand in for a device',
  '/dev/pts': 'pseudo-terminals of its own',
  '/sys': 'devices and kernel settings, to look at',
  '/dev/mqueue': 'message queues of its own IPC namespace',
  '/dev/shm': 'shared memory',
  '/etc/resolv.conf': 'its name servers',
  '/etc/hostname': 'its host name, for programs that read this file',
  '/etc/hosts': 'its table of hosts',
};
/** A link in their place could lead a kernel file system to where the image wants it (CVE-2019-19921, CVE-2023-27561). */
const REAL_DIRECTORIES = new Set(['/proc', '/sys', '/dev']);

/** These have the same bits as MOUNT_ATTR_* of the same names. */
const ATTRIBUTES = { RDONLY: MS.MS_RDONLY, NOSUID: MS.MS_NOSUID, NODEV: MS.MS_NODEV, NOEXEC: MS.MS_NOEXEC };
const ALL_ATTRIBUTES = Object.values(ATTRIBUTES).reduce((all, bit) => all | bit, 0);

/** struct mount_attr that sets these and clears none. */
function attributes(flags: number): Struct {
  const names = Object.entries(ATTRIBUTES).flatMap(([name, bit]) => (flags & bit ? [`MOUNT_ATTR_${name}`] : []));
  return {
    bytes: Buffer.from(BigUint64Array.of(BigInt(flags), 0n, 0n, 0n).buffer),
    shown: `{attr_set=${names.join('|')}}`,
  };
}

function setAttributes(tree: string, flags: number, recursive: boolean, why: string): Step {
  const attr = attributes(flags);
  return step(
    'mount_setattr',
    {
      dirfd: slot(tree),
      pathname: '',
      flags: AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0),
      attr,
      size: attr.bytes.length,
    },
    why,
    // Before Linux 5.12 the remount below does it, and takes away what the source's own mount forbids, such as set-user-ID programs.
    recursive ? {} : { thenSkip: 1, expect: { ENOSYS: 0 } },
  );
}

function resolve(destination: string, want: number, why: string, expect: Expected = {}): Step {
  const flags = want | IN_ROOT.notRoot | (REAL_DIRECTORIES.has(destination) ? IN_ROOT.noSymlinks : 0);
  return step('in_root', { root: slot('root'), path: withoutRoot(destination) || '.', want: flags }, why, {
    save: 'target',
    expect,
  });
}

/** A bind mount takes its other flags only in a second call. `tree` is the new mount, wherever its path may lead by now. */
function bindFlagSteps({ flags, recursiveReadonly }: MountOptions, tree: string): Step[] {
  const steps: Step[] = [];
  if (recursiveReadonly) {
    steps.push(setAttributes(tree, MS.MS_RDONLY, true, 'read-only, with all that is mounted below it (Linux 5.12)'));
  }
  if (flags !== 0) {
    steps.push(
      ...(flags & ~ALL_ATTRIBUTES ? [] : [setAttributes(tree, flags, false, 'with these flags, and those it has')]),
      step(
        'mount',
        {
          source: null,
          target: fdPath(tree),
          filesystemtype: null,
          mountflags: MS.MS_REMOUNT | MS.MS_BIND | flags,
          data: null,
        },
        'its flags: a bind mount takes them only in a second call',
      ),
    );
  }
  return steps;
}

function cloneSource({ source = '' }: Mount, { recursive }: MountOptions, tree: string): Step {
  return cloneTree({ dirfd: AT.AT_FDCWD, pathname: source }, recursive, `a mount of ${source} of the host`, tree);
}

/** The target is resolved once, and all that follows is done to descriptors: a second look could find another mount there. */
function bindSteps(mount: Mount, options: MountOptions, { sourceKind, sharedTrees }: MountFacts): Step[] {
  const source = mount.source ?? '';
  const kind = sourceKind(source);
  if (kind === 'missing') {
    throw new TsrunError('not-found', `mount ${mount.destination}: bind source path does not exist: ${source}`, {
      code: 'ENOENT',
    });
  }
  const shared = sharedTrees.get(mount);
  const tree = shared ?? 'tree';
  const want = kind === 'directory' ? IN_ROOT.makeDir : IN_ROOT.makeFile;
  return [
    resolve(mount.destination, want, `where ${mount.destination} is, made if it is not there`),
    ...(shared === undefined ? [cloneSource(mount, options, tree)] : []),
    attachTree('target', WHY[mount.destination] ?? `attach it at ${mount.destination}`, tree),
    ...bindFlagSteps(options, tree),
  ];
}

function fileSystemSteps(mount: Mount, options: MountOptions): Step[] {
  const { type = 'none', destination } = mount;
  const { flags, data } = options;
  const attach = (what: string | Struct | null, more: StepOptions = {}): Step =>
    step(
      'mount',
      {
        source: mount.source ?? type,
        target: fdPath('target'),
        filesystemtype: type,
        mountflags: flags,
        data: what,
      },
      WHY[destination] ?? `a ${type} of its own`,
      more,
    );
  const made = resolve(destination, IN_ROOT.makeDir, `where ${destination} is`);
  const asTold = attach(data === '' ? null : data);
  if (type !== 'tmpfs' || /(^|,)mode=/.test(data)) return [made, asTold];
  const likeTheOld = likeTheDirectory(data);
  const otherwise = [made, ...openToAllSteps(), asTold];
  return [
    resolve(destination, IN_ROOT.directory, `${destination}, if it is there`, { ENOENT: 2 }),
    step('print_mode', { fd: slot('target'), text: likeTheOld, at: MODE_AT }, 'a tmpfs over a directory has its mode'),
    attach(likeTheOld, { thenSkip: otherwise.length }),
    ...otherwise,
  ];
}

const MODE_AT = 'mode='.length;

/** Options of a tmpfs with a gap for the mode of the directory that it hides. */
function likeTheDirectory(data: string): Struct {
  const rest = data === '' ? '' : `,${data}`;
  return { bytes: Buffer.from(`mode=0000${rest}\0`), shown: JSON.stringify(`mode=<target>${rest}`) };
}

/** A tmpfs that nobody gave a mode is open to all: so is its directory then, or it would not be when the container is started again. */
function openToAllSteps(): Step[] {
  return [
    step(
      'check_fs',
      { fd: slot('target'), magic: FS_MAGIC.OVERLAYFS_SUPER_MAGIC },
      'made on the container’s own layer, not on a volume',
      {
        expect: { EXDEV: 1 },
      },
    ),
    step(
      'fchmodat',
      { dirfd: AT.AT_FDCWD, pathname: fdPath('target'), mode: 0o1777 },
      'the mode of a tmpfs, for the next start',
    ),
  ];
}

function propagationStep(
  mount: Mount,
  { propagation, bind }: MountOptions,
  { allPrivate, sharedTrees }: MountFacts,
): Step[] {
  const already = allPrivate && (propagation & ~MS.MS_REC) === MS.MS_PRIVATE;
  if (propagation === 0 || already) return [];
  return [
    // A file system has no descriptor yet. The worst that its path can lead to is another mount of ours: nothing that the host sees.
    ...(bind ? [] : [resolve(mount.destination, 0, 'the mount that is there now')]),
    step(
      'mount',
      {
        source: null,
        target: fdPath(bind ? (sharedTrees.get(mount) ?? 'tree') : 'target'),
        filesystemtype: null,
        mountflags: propagation,
        data: null,
      },
      'how mounts below it propagate',
    ),
  ];
}

/** Each tree that is open at the same time takes a slot. */
const MOST_SHARED = 16;

/**
 * The volumes that are to be shared with the host, and the slots of their trees. As in runc, only where the root's propagation is
 * shared, too, which Docker makes it for them: else they have peers of their own.
 * @throws TsrunError 'unsupported' when there are too many
 */
export function sharedTrees({ mounts = [], linux }: Spec): ReadonlyMap<Mount, string> {
  if (!linux?.rootfsPropagation?.includes('shared')) return new Map();
  const shared = mounts.filter((mount) => {
    const { bind, propagation } = parseMountOptions(mount);
    return bind && (propagation & MS.MS_SHARED) !== 0;
  });
  if (shared.length > MOST_SHARED)
    throw new TsrunError('unsupported', `${shared.length} shared volumes: at most ${MOST_SHARED} are supported`);
  return new Map(shared.map((mount, i) => [mount, `shared${i + 1}`]));
}

/** Before our mounts leave the host's peer groups: what is opened now stays in that of its source, and is attached later. */
export function openSharedSteps(trees: ReadonlyMap<Mount, string>): Step[] {
  return [...trees].map(([mount, tree]) => cloneSource(mount, parseMountOptions(mount), tree));
}

/** What is known of all mounts when one is planned. */
export interface MountFacts {
  sourceKind: SourceKind;
  /** No mount of ours has a peer (`hasPeers`): a copy of one is private, too, and need not be told. */
  allPrivate: boolean;
  /** Those that are open already, in these slots. */
  sharedTrees: ReadonlyMap<Mount, string>;
}

/** One mount of the spec: resolve its target inside the root, mount onto the descriptor, then its flags. cgroup mounts are cgroup/'s. */
export function mountSteps(mount: Mount, facts: MountFacts): Step[] {
  const options = parseMountOptions(mount);
  const steps = options.bind ? bindSteps(mount, options, facts) : fileSystemSteps(mount, options);
  return [...steps, ...propagationStep(mount, options, facts)];
}
