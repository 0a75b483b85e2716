import { TsrunError } from '../errors/tsrun-error.ts';
import { playBeside } from '../plan/play.ts';
import type { Step } from '../plan/step.ts';
import { reserveDescriptors } from '../runtime/descriptors.ts';
import type { Spec } from '../spec/oci.ts';
import { serializeSpec } from '../spec/serialize.ts';
import { fileError, randomHex } from '../store/files.ts';
import { makeLayerSteps, newDirectory, newFile, newLayer, newLink } from '../store/layers.ts';
import { makeLocked, type RunLock } from '../store/lock.ts';
import { claimName, suggestName } from '../store/names.ts';
import type { Paths } from '../store/paths.ts';
import { type ContainerRecord, nowNs, synchroniseSteps, timestamp, writeRecord } from '../store/record.ts';
import { type Engine, prepareDataRoot } from './engine.ts';
import { eventStep } from './events/record-event.ts';
import { hostnameFile, hostsFile, resolvConfFile } from './host-files.ts';
import { removeIdFile, writeIdFile } from './id-file.ts';
import { removeAbandoned } from './left-behind.ts';
import { lookupUser } from './lookup-user.ts';
import { checkRunOptions } from './options/check-options.ts';
import { removeRecorded } from './remove.ts';
import { checkRootfs, initLayer, readAccounts, withRootfs } from './rootfs.ts';
import type { RunOptions } from './run-options.ts';
import { packOptions } from './saved-options.ts';
import { toSpec } from './to-spec.ts';
import { makeVolumeSources } from './volume-sources.ts';

/** A container that exists, locked by this process until `unlock`. */
export interface Created extends Draft {
  /** Waits until its layers, files and cgroups are there: they are made beside what the caller does. @throws SyscallError */
  made(): void;
  /** Frees the descriptors that were kept for a clean-up. */
  spare(): void;
  unlock(): void;
  /** Of its first run; the caller's to close. */
  runLock: RunLock;
}

/** Everything about a new container, before anything of it exists. */
export interface Draft {
  /** As given, checked. */
  options: RunOptions;
  record: ContainerRecord;
  spec: Spec;
  layerSteps: Step[];
}

/** Of a name that was suggested another may have taken hold before us; so many times in a row it is not that. */
const NAMES_LOST = 20;

/** Debian's address for a machine's own name when the network has none for it: on the host's network the name resolves, too. */
const OWN_ADDRESS = '127.0.1.1';

export const cgroupPath = (id: string): string => `/tsrun-${id}`;

/** Composes record, config.json and layers. Reads the host and the root directory, changes nothing. */
export function draftContainer(engine: Engine, given: RunOptions, verb = 'run'): Draft {
  const options = checkRunOptions(given);
  const goal = `${verb} ${options.rootfs}`;
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
 * Makes a container that nobody starts yet: record first, then name, layers, files. What fails half-way is undone.
 * @throws TsrunError 'conflict', SyscallError
 */
export function createContainer(engine: Engine, given: RunOptions): Draft {
  const created = beginContainer(engine, given, () => [], { waits: true });
  const { options, record } = created;
  let idFile: string | undefined;
  try {
    idFile = writeIdFile(options.cidfile, record.id, `create ${options.rootfs}`);
    created.made();
    created.runLock.close();
    created.spare();
    return created;
  } catch (error) {
    undoCreation(engine, created);
    removeIdFile(idFile);
    throw error;
  } finally {
    created.unlock();
  }
}

/** Removes what there is of a container that could not be made or started. */
export function undoCreation(engine: Engine, { record, made, spare, runLock }: Created): void {
  settle(made);
  runLock.close();
  spare();
  removeRecorded(engine, record);
}

/** Waits for what is being made beside: nothing of it may come later than its removal. What failed there is said elsewhere. */
export function settle(made: (() => void) | undefined): void {
  try {
    made?.();
  } catch {
    // said elsewhere
  }
}

/**
 * The same, but returns while the layers and files are still being made.
 * @param more what is made after them, on the same thread
 * @throws TsrunError 'conflict' when the name is taken
 */
export function beginContainer(
  engine: Engine,
  given: RunOptions,
  more: (draft: Draft) => readonly Step[],
  { waits = false } = {},
): Created {
  for (let tries = 1; ; tries++) {
    try {
      return beginOnce(engine, given, more, waits);
    } catch (error) {
      const named = given.name !== undefined || !(error instanceof TsrunError && error.kind === 'conflict');
      if (named || tries === NAMES_LOST) throw error;
    }
  }
}

function beginOnce(
  engine: Engine,
  given: RunOptions,
  more: (draft: Draft) => readonly Step[],
  waits: boolean,
): Created {
  const verb = waits ? 'create' : 'run';
  const draft = draftContainer(engine, given, verb);
  const { record, options } = draft;
  if (waits) record.waits = true;
  const goal = `${verb} ${options.rootfs}`;
  const { paths } = engine;
  prepareDataRoot(engine, goal);
  const spare = reserveDescriptors(goal);
  let unlock = () => {};
  let runLock: RunLock | undefined;
  try {
    ({ unlock, runLock } = makeLocked(paths, record.id, goal));
    writeRecord(paths, record);
    removeAbandoned(engine, record.name);
    claimName(paths, record.name, record.id);
    makeVolumeSources(goal, options); // not for one that cannot be
    const steps = [...synchroniseSteps(paths, record), ...creationSteps(engine, draft), ...more(draft)];
    return { ...draft, made: playBeside(goal, steps), spare, unlock, runLock };
  } catch (error) {
    spare();
    runLock?.close();
    unlock();
    removeRecorded(engine, record, false);
    throw fileError(goal, error);
  }
}

/** Layers and files of a new container: then it has been created. */
export function creationSteps(engine: Engine, draft: Draft): Step[] {
  return [...draft.layerSteps, ...bundleSteps(engine, draft), eventStep(engine, draft.record, 'create')];
}

/** The bundle: what is mounted over the files of /etc, where the root is mounted, and config.json, from which a start begins. */
function bundleSteps({ paths, machine }: Engine, { record, spec, options }: Draft): Step[] {
  const bundle = paths.container(record.id);
  const hostname = spec.hostname ?? '';
  const { network, extraHosts, dns } = options;
  const addresses = network === 'host' && hostname !== machine.hostName() ? [OWN_ADDRESS] : [];
  const hosts = hostsFile({ network, hostname, addresses, extraHosts, hostText: machine.text('/etc/hosts') });
  const resolvConf = resolvConfFile({ network, dns, hostText: machine.text('/etc/resolv.conf') });
  return [
    newDirectory(`${bundle}/rootfs`, 0o700, 'where the overlay is mounted'),
    newFile(`${bundle}/hosts`, hosts, 0o644, 'its /etc/hosts'),
    newFile(`${bundle}/hostname`, hostnameFile(hostname), 0o644, 'its /etc/hostname'),
    newFile(`${bundle}/resolv.conf`, resolvConf, 0o644, 'its /etc/resolv.conf'),
    newFile(`${bundle}/config.json`, serializeSpec(spec), 0o600, 'all that a start has to know'),
  ];
}
