import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { hostName } from '../kernel/procfs.ts';
import { play } from '../plan/play.ts';
import type { Step } from '../plan/step.ts';
import { reserveDescriptors } from '../runtime/descriptors.ts';
import type { Spec } from '../spec/oci.ts';
import { serializeSpec } from '../spec/serialize.ts';
import { fileError, randomHex, readTextIfThere, writeNew } from '../store/files.ts';
import { makeLayerSteps, newLayer, newLink } from '../store/layers.ts';
import { lockContainer } from '../store/lock.ts';
import { claimName, suggestName } from '../store/names.ts';
import type { Paths } from '../store/paths.ts';
import { type ContainerRecord, nowNs, timestamp, writeRecord } from '../store/record.ts';
import { type Engine, prepareDataRoot } from './engine.ts';
import { hostnameFile, hostsFile, resolvConfFile } from './host-files.ts';
import { removeAbandoned } from './left-behind.ts';
import { lookupUser } from './lookup-user.ts';
import { checkRunOptions } from './options/check-options.ts';
import { removeRecorded } from './remove.ts';
import { checkRootfs, initLayer, readAccounts, withRootfs } from './rootfs.ts';
import type { RunOptions } from './run-options.ts';
import { packOptions } from './saved-options.ts';
import { toSpec } from './to-spec.ts';

/** A container that exists, locked by this process until `unlock`. */
export interface Created extends Draft {
  /** Frees the descriptors that were kept for a clean-up. */
  spare(): void;
  unlock(): void;
}

/** Everything about a new container, before anything of it exists. */
export interface Draft {
  /** As given, checked. */
  options: RunOptions;
  record: ContainerRecord;
  spec: Spec;
  layerSteps: Step[];
}

/** Debian's address for a machine's own name when the network has none for it: on the host's network the name resolves, too. */
const OWN_ADDRESS = '127.0.1.1';

export const cgroupPath = (id: string): string => `/tsrun-${id}`;

/** Composes record, config.json and layers. Reads the host and the root directory, changes nothing. */
export function draftContainer(engine: Engine, given: RunOptions): Draft {
  const options = checkRunOptions(given);
  const goal = `run ${options.rootfs}`;
  const rootfs = checkRootfs(goal, options.rootfs);
  const id = randomHex(32);
  const name = options.name ?? suggestName(engine.paths);
  return withRootfs(goal, rootfs, (root) => {
    const record = draftRecord(id, name, rootfs, options);
    const { passwd, group } = readAccounts(goal, root, options.user ?? '');
    const user = lookupUser(options.user ?? '', passwd, group);
    const spec = draftSpec(engine, record, options, user);
    record.path = spec.process?.args?.[0] ?? '';
    record.args = spec.process?.args?.slice(1) ?? [];
    return {
      options,
      record,
      spec,
      layerSteps: makeLayerSteps(engine.paths, record, initLayer(goal, root, { id, name, rootfs })),
    };
  });
}

function draftRecord(id: string, name: string, rootfs: string, options: RunOptions): ContainerRecord {
  return {
    version: 1,
    id,
    name,
    created: timestamp(nowNs()),
    rootfs,
    layer: newLayer(),
    links: { rootfs: newLink(), init: newLink(), layer: newLink() },
    remove: options.remove,
    options: packOptions(options),
    path: '',
    args: [],
  };
}

function draftSpec(
  { paths, machine }: Engine,
  record: ContainerRecord,
  options: RunOptions,
  user: ReturnType<typeof lookupUser>,
): Spec {
  const bundle = paths.container(record.id);
  return toSpec(options, {
    id: record.id,
    // Docker gives a container on the host's network the host's name. Ours has a UTS namespace of its own there too, and its own name.
    hostname: record.id.slice(0, 12),
    rootPath: 'rootfs',
    user,
    hostFiles: {
      hosts: `${bundle}/hosts`,
      hostname: `${bundle}/hostname`,
      resolvConf: `${bundle}/resolv.conf`,
    },
    availableCapabilities: machine.boundingSet(),
    cgroupsPath: cgroupPath(record.id),
    overlay: overlayOf(paths, record),
    ...(options.ulimits.length > 0 ? { hostRlimits: machine.limits() } : {}),
    ...(options.privileged ? { hostDevices: machine.devices() } : {}),
  });
}

/** Relative to overlay2/: short, and free of whatever characters the data root and the root directory have. */
function overlayOf(paths: Paths, { layer, links, remove }: ContainerRecord) {
  return {
    base: paths.overlay,
    lowerDirs: [`l/${links.init}`, `l/${links.rootfs}`],
    upperDir: `${layer}/diff`,
    workDir: `${layer}/work`,
    volatile: remove,
  };
}

/**
 * Makes a container: record first, then name, layers, files. What fails half-way is undone.
 * @throws TsrunError 'conflict' when the name is taken
 */
export function createContainer(engine: Engine, given: RunOptions): Created {
  const draft = draftContainer(engine, given);
  const { record, options } = draft;
  const goal = `run ${options.rootfs}`;
  const { paths } = engine;
  prepareDataRoot(engine, goal);
  makeVolumeSources(goal, options);
  const spare = reserveDescriptors(goal);
  let unlock = () => {};
  try {
    mkdirSync(paths.container(record.id), { mode: 0o710 });
    chmodSync(paths.container(record.id), 0o710); // the umask is all threads': it is not ours to change
    unlock = lockContainer(paths, record.id, goal);
    writeRecord(paths, record);
    removeAbandoned(engine, record.name);
    claimName(paths, record.name, record.id);
    play(goal, draft.layerSteps);
    writeBundle(paths, draft);
    return { ...draft, spare, unlock };
  } catch (error) {
    spare();
    unlock();
    removeRecorded(engine, record);
    throw fileError(goal, error);
  }
}

function writeBundle(paths: Paths, { record, spec, options }: Draft): void {
  const bundle = paths.container(record.id);
  const hostname = spec.hostname ?? '';
  const hostText = (path: string): string => readTextIfThere(path) ?? '';
  mkdirSync(`${bundle}/rootfs`, { mode: 0o700 });
  writeNew(
    `${bundle}/hosts`,
    hostsFile({
      network: options.network,
      hostname,
      addresses: options.network === 'host' && hostname !== hostName() ? [OWN_ADDRESS] : [],
      extraHosts: options.extraHosts,
      hostText: hostText('/etc/hosts'),
    }),
    0o644,
  );
  writeNew(`${bundle}/hostname`, hostnameFile(hostname), 0o644);
  writeNew(
    `${bundle}/resolv.conf`,
    resolvConfFile({ network: options.network, dns: options.dns, hostText: hostText('/etc/resolv.conf') }),
    0o644,
  );
  writeNew(`${bundle}/config.json`, serializeSpec(spec), 0o600);
}

/** `-v` makes a missing source directory on the host, `--mount` objects: Docker's rules. */
function makeVolumeSources(goal: string, options: RunOptions): void {
  for (const mount of options.mounts) {
    if (mount.type !== 'bind') continue;
    const there = statSync(mount.source, { throwIfNoEntry: false });
    if (there) continue;
    if (!mount.createSource) {
      throw new TsrunError(
        'not-found',
        `${goal}: invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
        { code: 'ENOENT', hint: 'make it, or use -v, which makes a missing directory' },
      );
    }
    try {
      mkdirSync(mount.source, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw fileError(goal, error);
    }
  }
}
