import { join } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';
import { readBundle } from '../runtime/read-bundle.ts';
import type { Spec } from '../spec/oci.ts';
import { type ContainerRecord, readLastExit, readRestarts, timestamp } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { findContainer } from './find.ts';
import { type Health, readHealth } from './health.ts';
import { execIdsOf } from './inspect-exec.ts';
import { hostConfigOf } from './inspect-host-config.ts';
import { lookAt } from './list.ts';
import type { RunOptions } from './run-options.ts';
import { isUp, type Status } from './status.ts';

/** Go's zero time: what has not happened. */
const NEVER = '0001-01-01T00:00:00Z';
const LOST = 'the end was not recorded: its monitor was killed or the machine went down';

/** One element of `docker inspect`: Docker's names, types and order, so that whatever reads that can read this. */
export type InspectedContainer = ReturnType<typeof inspectContainer>;

/** @throws TsrunError 'not-found', 'conflict', or 'config' when its record is damaged */
export function inspectContainer(engine: Engine, reference: string) {
  const record = findContainer(engine, reference);
  const { options, status } = lookAt(engine, record);
  const directory = engine.paths.container(record.id);
  const spec = readSpec(directory);
  return {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: record.args,
    State: stateOf(status, finishedAt(engine, record, status), readHealth(engine, record, status, options.health)),
    Image: record.rootfs,
    ResolvConfPath: join(directory, 'resolv.conf'),
    HostnamePath: join(directory, 'hostname'),
    HostsPath: join(directory, 'hosts'),
    LogPath: options.log.driver === 'none' ? '' : engine.paths.log(record.id),
    Name: `/${record.name}`,
    RestartCount: readRestarts(engine.paths, record.id),
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIdsOf(engine, record.id),
    HostConfig: hostConfigOf(options, spec),
    GraphDriver: { Data: layersOf(engine, record), Name: 'overlay2' },
    Mounts: mountsOf(options),
    Config: configOf(record, options, spec),
    NetworkSettings: networkSettings(),
  };
}

/** undefined when config.json is gone or damaged: the rest can be told all the same. */
function readSpec(directory: string): Spec | undefined {
  try {
    return readBundle('inspect', directory).spec;
  } catch (error) {
    if (error instanceof TsrunError && error.kind !== 'permission') return undefined;
    throw error;
  }
}

/** Docker's: of a container that runs again, when it ended before. Of a run of which nobody recorded the end it is not known. */
function finishedAt({ paths }: Engine, { id }: ContainerRecord, status: Status): string {
  const exit = status.exit ?? (isUp(status) ? readLastExit(paths, id) : undefined);
  return exit ? timestamp(exit.finishedNs) : NEVER;
}

function stateOf({ status, pid, exitCode, startedAt, exit }: Status, finished: string, health: Health | undefined) {
  return {
    Status: status,
    Running: isUp({ status }),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: (exit?.oomKills ?? 0) > 0,
    Dead: status === 'dead',
    Pid: pid,
    ExitCode: exitCode,
    Error: status === 'exited' && exit === undefined ? LOST : '',
    StartedAt: startedAt ?? NEVER,
    FinishedAt: finished,
    ...(health === undefined ? {} : { Health: health }),
  };
}

function layersOf({ paths }: Engine, { layer, rootfs }: ContainerRecord) {
  const top = paths.layer(layer);
  return {
    LowerDir: `${join(paths.layer(`${layer}-init`), 'diff')}:${rootfs}`,
    MergedDir: join(top, 'merged'),
    UpperDir: join(top, 'diff'),
    WorkDir: join(top, 'work'),
  };
}

/** A tmpfs of --tmpfs is not a mount in Docker's list, but an entry of HostConfig.Tmpfs. */
function mountsOf(options: RunOptions) {
  return options.mounts.flatMap((mount) =>
    mount.type === 'bind'
      ? [
          {
            Type: 'bind',
            Source: mount.source,
            Destination: mount.target,
            Mode: mount.createSource && mount.readonly ? 'ro' : '',
            RW: !mount.readonly,
            Propagation: mount.propagation ?? 'rprivate',
          },
        ]
      : [],
  );
}

/** What Docker takes from the image and the command line. HOSTNAME, TERM and HOME are the runtime's, unless the user set them. */
function configOf(record: ContainerRecord, options: RunOptions, spec: Spec | undefined) {
  const given = new Set(options.env.map(([key]) => key));
  const isOurs = (entry: string) => /^(HOSTNAME|TERM|HOME)=/.test(entry) && !given.has(entry.split('=')[0] ?? '');
  return {
    Hostname: spec?.hostname ?? options.hostname ?? '',
    Domainname: spec?.domainname ?? '',
    User: options.user ?? '',
    AttachStdin: options.interactive,
    AttachStdout: true,
    AttachStderr: true,
    Tty: options.tty,
    OpenStdin: options.interactive,
    StdinOnce: options.interactive,
    Env: (spec?.process?.env ?? []).filter((entry) => !isOurs(entry)),
    Cmd: options.command,
    ...healthOf(options),
    Image: record.rootfs,
    Volumes: null,
    WorkingDir: options.workdir ?? '',
    Entrypoint: options.entrypoint === undefined ? null : [options.entrypoint],
    OnBuild: null,
    Labels: Object.fromEntries(options.labels),
    ...(options.stopSignal === undefined ? {} : { StopSignal: options.stopSignal }),
    ...(options.stopTimeout === undefined ? {} : { StopTimeout: options.stopTimeout }),
  };
}

/** Docker leaves out what is not said. */
function healthOf({ health }: RunOptions) {
  if (health === undefined) return {};
  const { test, interval, timeout, startPeriod, startInterval, retries } = health;
  return {
    Healthcheck: {
      ...(test.length > 0 ? { Test: test } : {}),
      ...(interval > 0 ? { Interval: interval } : {}),
      ...(timeout > 0 ? { Timeout: timeout } : {}),
      ...(startPeriod > 0 ? { StartPeriod: startPeriod } : {}),
      ...(startInterval > 0 ? { StartInterval: startInterval } : {}),
      ...(retries > 0 ? { Retries: retries } : {}),
    },
  };
}

function networkSettings() {
  return {
    Bridge: '',
    SandboxID: '',
    SandboxKey: '',
    Ports: {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: '',
    Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    MacAddress: '',
    Networks: {},
  };
}
