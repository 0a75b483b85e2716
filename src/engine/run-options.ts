/** The typed result of `tsrun run`'s command line. Everything is parsed, nothing is looked up on the host yet. */
export interface RunOptions {
  /** The root directory as the user gave it, made absolute. */
  rootfs: string;
  /** Words after the root directory; may be empty when an entrypoint is given. */
  command: string[];
  /** --entrypoint: one program, as Docker's; `undefined` = none. */
  entrypoint: string | undefined;
  /** --rm */
  remove: boolean;
  name: string | undefined;
  /** --hostname; `undefined` = the short id. */
  hostname: string | undefined;
  /** --env-file first, then -e, in the order given. A later pair with the same key wins; a `null` value unsets. */
  env: EnvChange[];
  /** -w: absolute and clean; `undefined` = `/`. */
  workdir: string | undefined;
  /** -u as given: `lookupUser` gives it a meaning inside the root. */
  user: string | undefined;
  interactive: boolean;
  tty: boolean;
  init: boolean;
  readOnly: boolean;
  /** -v, --mount and --tmpfs together, in the order of those three groups. No two share a target. */
  mounts: MountOption[];
  extraHosts: ExtraHost[];
  dns: DnsOptions;
  labels: Map<string, string>;
  /** Canonical names, `CAP_…` or `ALL`. */
  capAdd: string[];
  capDrop: string[];
  privileged: boolean;
  ulimits: Ulimit[];
  /** As given, a name or a number: `parseSignal` reads it; `undefined` = SIGTERM. */
  stopSignal: string | undefined;
  /** Seconds that `stop` waits before SIGKILL, -1: for ever; `undefined` = 10. */
  stopTimeout: number | undefined;
  cidfile: string | undefined;
  pidfile: string | undefined;
  network: NetworkMode;
  restart: RestartPolicy;
  log: LogOptions;
  /** `undefined`: nothing is checked. */
  health: HealthCheck | undefined;
}

export type NetworkMode = 'host' | 'none';

/** --log-driver and --log-opt, as given; what they mean: `logSettings` in options/parse-log.ts. */
export interface LogOptions {
  driver: 'json-file' | 'local' | 'none';
  options: Readonly<Record<string, string>>;
}

/** --restart */
export interface RestartPolicy {
  name: 'no' | 'always' | 'on-failure' | 'unless-stopped';
  /** Of on-failure; 0: no end of it. */
  maximumRetryCount: number;
}

/** --health-…, as Docker has it; a time is in ns, and 0 the default: 30 s, 30 s, none, 5 s; 3 retries. */
export interface HealthCheck {
  /** `['CMD-SHELL', script]`, `['CMD', program, …]`, `['NONE']`; empty: there is nothing to check with. */
  test: string[];
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

/** `value` null: take the variable away (Docker's `-e KEY` when the caller has no KEY). */
export type EnvChange = readonly [key: string, value: string | null];

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

export type MountOption = BindMount | TmpfsMount;

export interface BindMount {
  type: 'bind';
  /** Absolute path on the host. */
  source: string;
  /** Absolute, clean path in the container. */
  target: string;
  readonly: boolean;
  /** `undefined` = rprivate, Docker's default. */
  propagation: Propagation | undefined;
  /** --mount bind-recursive=disabled: only the mount itself, not those below it. */
  nonRecursive: boolean;
  /** --mount bind-recursive=readonly: the mounts below it read-only too, or an error (mount_setattr(2), Linux 5.12). */
  readonlyRecursive: boolean;
  /** -v makes a missing source directory on the host, --mount does not. */
  createSource: boolean;
}

export interface TmpfsMount {
  type: 'tmpfs';
  target: string;
  readonly: boolean;
  /** Bytes. */
  size: number | undefined;
  /** Octal mode as a number. */
  mode: number | undefined;
  /** Further mount options in order: `exec`, `nr_inodes=10k`, `size=50%`, … (--tmpfs). */
  options: string[];
}

export interface ExtraHost {
  host: string;
  /** Without brackets. */
  ip: string;
}

/** --dns, --dns-search, --dns-option: an empty list leaves the host's. */
export interface DnsOptions {
  servers: string[];
  search: string[];
  options: string[];
}

export interface Ulimit {
  /** Docker's name, lower case: `nofile`. */
  name: string;
  /** -1 = unlimited. */
  soft: number;
  hard: number;
}

/** The typed result of `tsrun exec`'s command line. */
export interface ExecOptions {
  /** Name, id, or a prefix of an id. */
  container: string;
  command: string[];
  env: EnvChange[];
  workdir: string | undefined;
  user: string | undefined;
  interactive: boolean;
  tty: boolean;
  detach: boolean;
  privileged: boolean;
}
