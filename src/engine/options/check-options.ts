import type { EnvChange, ExecOptions, MountOption, RunOptions, Ulimit } from '../run-options.ts';
import { checkHealth } from './check-health.ts';
import { parseAddHost } from './parse-add-host.ts';
import { parseCapability } from './parse-caps.ts';
import { parseDnsOption, parseDnsSearch, parseDnsServer } from './parse-dns.ts';
import { parseHostname } from './parse-hostname.ts';
import { checkLog } from './parse-log.ts';
import { parseMountTarget } from './parse-mount-target.ts';
import { parseName } from './parse-name.ts';
import { parseNetwork } from './parse-network.ts';
import { checkRestart, refuseRestartOfRemoved } from './parse-restart.ts';
import { parseSeconds } from './parse-seconds.ts';
import { checkedSignal } from './parse-signal.ts';
import { parseTmpfs } from './parse-tmpfs.ts';
import { parseUlimit } from './parse-ulimit.ts';
import { parseUser } from './parse-user.ts';
import { PROPAGATIONS } from './parse-volume.ts';
import { parseWorkdir } from './parse-workdir.ts';
import { usageError } from './usage-error.ts';

/** What becomes a C string: behind a NUL it would end without a word. */
function text(what: string, value: unknown): string {
  if (typeof value !== 'string') throw usageError(`invalid ${what}: it must be a string`);
  if (value.includes('\0')) throw usageError(`invalid ${what}: '${value}' contains a NUL character`);
  return value;
}

function hostPath(what: string, value: unknown): string {
  const path = text(what, value);
  if (!path.startsWith('/')) throw usageError(`invalid ${what}: '${path}' must be an absolute path`);
  return path;
}

const maybe = <T, R>(value: T | undefined, check: (value: T) => R): R | undefined =>
  value === undefined ? undefined : check(value);
const texts = (what: string, values: readonly unknown[]): string[] => values.map((value) => text(what, value));
const parsed = (what: string, values: readonly unknown[], parse: (text: string) => string): string[] =>
  values.map((value) => parse(text(what, value)));

function checkEnv([key, value]: EnvChange): EnvChange {
  if (text('environment variable', key) === '' || key.includes('='))
    throw usageError(`invalid environment variable: '${key}'`);
  return [key, value === null ? null : text(`environment variable ${key}`, value)];
}

function checkUser(user: string): string {
  parseUser(text('user', user));
  return user;
}

/** The form that a command line's would have, with a place in the container that may be mounted on. */
function checkMount(mount: MountOption): MountOption {
  const target = parseMountTarget(text('mount path', mount.target));
  if (mount.type === 'bind') {
    if (mount.propagation !== undefined && !PROPAGATIONS.includes(mount.propagation))
      throw usageError(`invalid propagation: '${mount.propagation}'`, `one of ${PROPAGATIONS.join(', ')}`);
    return { ...mount, source: hostPath('mount source', mount.source), target };
  }
  if (mount.type !== 'tmpfs') throw usageError(`mount type unknown: '${(mount as { type: unknown }).type}'`);
  for (const [name, value] of Object.entries({ size: mount.size, mode: mount.mode }))
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw usageError(`invalid tmpfs option "${name}=${value}"`);
  for (const option of texts('tmpfs option', mount.options)) parseTmpfs(`/t:${option}`);
  return { ...mount, target };
}

function checkMounts(mounts: readonly MountOption[]): MountOption[] {
  const checked = mounts.map(checkMount);
  const targets = new Set<string>();
  for (const { target } of checked) {
    if (targets.has(target)) throw usageError(`Duplicate mount point: ${target}`);
    targets.add(target);
  }
  return checked;
}

const checkUlimit = ({ name, soft, hard }: Ulimit): Ulimit => parseUlimit(`${name}=${soft}:${hard}`);

function checkLabels(labels: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...labels].map(([key, value]) => [text('label', key), text(`label ${key}`, value)]));
}

/**
 * The rules of the command line, for options from whichever door: a Node program's are as little trusted to be well formed.
 * @returns them with clean paths
 * @throws TsrunError 'usage'
 */
export function checkRunOptions(options: RunOptions): RunOptions {
  const { dns } = options;
  refuseRestartOfRemoved(options.restart, options.remove);
  return {
    ...options,
    rootfs: text('root directory', options.rootfs),
    command: texts('command', options.command),
    entrypoint: maybe(options.entrypoint, (value) => text('entrypoint', value)),
    name: maybe(options.name, (value) => parseName(text('container name', value))),
    hostname: maybe(options.hostname, (value) => parseHostname(text('hostname', value))),
    env: options.env.map(checkEnv),
    workdir: maybe(options.workdir, (value) => parseWorkdir(text('working directory', value))),
    user: maybe(options.user, checkUser),
    mounts: checkMounts(options.mounts),
    extraHosts: options.extraHosts.map(({ host, ip }) => parseAddHost(`${host}=${ip}`)),
    dns: {
      servers: parsed('DNS server', dns.servers, parseDnsServer),
      search: parsed('DNS search domain', dns.search, parseDnsSearch),
      options: parsed('DNS option', dns.options, parseDnsOption),
    },
    labels: checkLabels(options.labels),
    capAdd: parsed('capability', options.capAdd, parseCapability),
    capDrop: parsed('capability', options.capDrop, parseCapability),
    ulimits: options.ulimits.map(checkUlimit),
    stopSignal: maybe(options.stopSignal, (value) => checkedSignal(String(value))),
    stopTimeout: maybe(options.stopTimeout, (value) => parseSeconds(String(value))),
    cidfile: maybe(options.cidfile, (value) => text('cidfile', value)),
    pidfile: maybe(options.pidfile, (value) => text('pidfile', value)),
    network: parseNetwork(options.network),
    restart: checkRestart(options.restart),
    log: checkLog(options.log),
    health: maybe(options.health, (health) => checkHealth({ ...health, test: texts('health check', health.test) })),
  };
}

/** The same for another command in a container. The reference to the container is checked where it is looked up. */
export function checkExecOptions(options: ExecOptions): ExecOptions {
  return {
    ...options,
    command: texts('command', options.command),
    env: options.env.map(checkEnv),
    workdir: maybe(options.workdir, (value) => parseWorkdir(text('working directory', value))),
    user: maybe(options.user, checkUser),
  };
}
