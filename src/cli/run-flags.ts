import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseAddHost } from '../engine/options/parse-add-host.ts';
import { parseCapability } from '../engine/options/parse-caps.ts';
import { parseDnsOption, parseDnsSearch, parseDnsServer } from '../engine/options/parse-dns.ts';
import { parseHostname } from '../engine/options/parse-hostname.ts';
import { parseLabel } from '../engine/options/parse-label.ts';
import { checkLog, DEFAULT_LOG, parseLogDriver, parseLogOption } from '../engine/options/parse-log.ts';
import { parseMount } from '../engine/options/parse-mount.ts';
import { parseName } from '../engine/options/parse-name.ts';
import { parseNetwork } from '../engine/options/parse-network.ts';
import { NO_RESTART, parseRestart, refuseRestartOfRemoved } from '../engine/options/parse-restart.ts';
import { parseSeconds } from '../engine/options/parse-seconds.ts';
import { checkedSignal } from '../engine/options/parse-signal.ts';
import { parseTmpfs } from '../engine/options/parse-tmpfs.ts';
import { parseUlimit } from '../engine/options/parse-ulimit.ts';
import { parseVolume } from '../engine/options/parse-volume.ts';
import { parseWorkdir } from '../engine/options/parse-workdir.ts';
import { usageError } from '../engine/options/usage-error.ts';
import type { LogOptions, MountOption, NetworkMode, RestartPolicy, RunOptions, Ulimit } from '../engine/run-options.ts';
import { checkedUser, type FlagContext, maybeFlag, readEnvFlags, readFlag } from './flag-values.ts';
import { addFlags, dockerStyle, type Flag } from './flags.ts';
import { HEALTH_FLAGS, type HealthFlags, NO_HEALTHCHECK, readHealthFlags } from './health-flags.ts';

/** `docker run` without --network makes a bridge; until tsrun has one, a container shares the host's network. */
export const DEFAULT_NETWORK: NetworkMode = 'host';

/** What is read of RUN_FLAGS. */
export interface RunFlags extends HealthFlags {
  addHost?: string[];
  capAdd?: string[];
  capDrop?: string[];
  cidfile?: string;
  dns?: string[];
  dnsOption?: string[];
  dnsSearch?: string[];
  entrypoint?: string;
  env?: string[];
  envFile?: string[];
  hostname?: string;
  init?: boolean;
  interactive?: boolean;
  label?: string[];
  logDriver?: string;
  logOpt?: string[];
  mount?: string[];
  name?: string;
  network?: string;
  pidfile?: string;
  privileged?: boolean;
  readOnly?: boolean;
  restart?: string;
  rm?: boolean;
  stopSignal?: string;
  stopTimeout?: string;
  tmpfs?: string[];
  tty?: boolean;
  ulimit?: string[];
  user?: string;
  volume?: string[];
  workdir?: string;
}

export const RUN_FLAGS: readonly Flag[] = [
  ['--add-host <host:ip>', 'another line in /etc/hosts', 'each'],
  ['--cap-add <capability>', 'give a Linux capability', 'each'],
  ['--cap-drop <capability>', 'take a Linux capability away', 'each'],
  ['--cidfile <file>', "write the container's id to this file"],
  ['--dns <address>', 'ask this name server', 'each'],
  ['--dns-option <option>', 'an option of resolv.conf', 'each'],
  ['--dns-search <domain>', 'search names in this domain', 'each'],
  ['--entrypoint <program>', 'the program that the command is given to'],
  ['-e, --env <KEY=value>', "set a variable; KEY alone takes the caller's", 'each'],
  ['--env-file <file>', 'set the variables in this file', 'each'],
  ...HEALTH_FLAGS,
  ['-h, --hostname <name>', 'the name that the container has for itself'],
  ['--init', 'put a small init first that reaps zombies and passes signals on'],
  ['-i, --interactive', 'keep stdin open'],
  ['-l, --label <key=value>', 'note something on the container', 'each'],
  ['--log-driver <driver>', 'json-file, local (the same by another name) or none (default: json-file)'],
  ['--log-opt <name=value>', 'max-size=10m, max-file=3: of the log of what it writes', 'each'],
  ['--mount <key=value,…>', 'mount a directory of the host, or a tmpfs', 'each'],
  ['--name <name>', 'the name that the container has for you'],
  ['--network <mode>', `host or none (default: ${DEFAULT_NETWORK})`],
  NO_HEALTHCHECK,
  ['--pidfile <file>', "write the pid of the container's first process to this file"],
  ['--privileged', 'give every capability and device, and hide nothing'],
  ['--read-only', 'make the root read-only'],
  ['--restart <policy>', 'when it has ended: no, on-failure[:times], always or unless-stopped (default: no)'],
  ['--rm', 'remove the container when it has ended'],
  ['--stop-signal <signal>', 'the signal that asks it to end'],
  ['--stop-timeout <seconds>', 'how long `stop` waits before SIGKILL; -1: for ever (default: 10)'],
  ['--tmpfs <path[:options]>', 'mount a tmpfs', 'each'],
  ['-t, --tty', 'give it a terminal'],
  ['--ulimit <name=soft[:hard]>', 'a resource limit', 'each'],
  ['-u, --user <user[:group]>', 'run as this user, by name or number'],
  ['-v, --volume <source:target[:options]>', 'mount a directory of the host', 'each'],
  ['-w, --workdir <path>', 'start in this directory of the container'],
];

/**
 * Docker's flags of `run`. Options end at the first word that is none, so that `tsrun run root ls -l` works; a parent
 * command has to call `enablePositionalOptions()` for that.
 */
export function addRunFlags(command: Command): Command {
  return addFlags(dockerStyle(command), RUN_FLAGS);
}

/**
 * @param opts what `command.opts()` returned
 * @param rootfs the first word
 * @param command the words after it
 * @throws TsrunError 'usage'
 */
export function readRunFlags(opts: RunFlags, rootfs: string, command: string[], context: FlagContext): RunOptions {
  if (rootfs === '') throw usageError('the root directory is empty', 'tsrun run [options] <rootfs> <command…>');
  const each = <T>(flag: string, values: string[] | undefined, parse: (value: string) => T): T[] =>
    (values ?? []).map((value) => readFlag(flag, value, parse));
  return {
    rootfs: resolve(context.cwd, rootfs),
    command,
    entrypoint: opts.entrypoint === '' ? undefined : opts.entrypoint,
    remove: opts.rm ?? false,
    name: maybeFlag('--name', opts.name, parseName),
    hostname: maybeFlag('-h, --hostname', opts.hostname, parseHostname),
    env: readEnvFlags(opts, context),
    workdir: maybeFlag('-w, --workdir', opts.workdir, parseWorkdir),
    user: maybeFlag('-u, --user', opts.user, checkedUser),
    interactive: opts.interactive ?? false,
    tty: opts.tty ?? false,
    init: opts.init ?? false,
    readOnly: opts.readOnly ?? false,
    mounts: readMounts(opts, context.cwd),
    extraHosts: each('--add-host', opts.addHost, parseAddHost),
    dns: {
      servers: each('--dns', opts.dns, parseDnsServer),
      search: each('--dns-search', opts.dnsSearch, parseDnsSearch),
      options: each('--dns-option', opts.dnsOption, parseDnsOption),
    },
    labels: new Map(each('-l, --label', opts.label, parseLabel)),
    capAdd: each('--cap-add', opts.capAdd, parseCapability),
    capDrop: each('--cap-drop', opts.capDrop, parseCapability),
    privileged: opts.privileged ?? false,
    ulimits: lastOfEachName(each('--ulimit', opts.ulimit, parseUlimit)),
    stopSignal: maybeFlag('--stop-signal', opts.stopSignal, checkedSignal),
    stopTimeout: maybeFlag('--stop-timeout', opts.stopTimeout, parseSeconds),
    cidfile: pathOrNone(opts.cidfile, context.cwd),
    pidfile: pathOrNone(opts.pidfile, context.cwd),
    network: maybeFlag('--network', opts.network, parseNetwork) ?? DEFAULT_NETWORK,
    restart: readRestart(opts),
    log: readLog(opts),
    health: readHealthFlags(opts),
  };
}

function readRestart({ restart, rm = false }: RunFlags): RestartPolicy {
  const policy = maybeFlag('--restart', restart, parseRestart) ?? NO_RESTART;
  refuseRestartOfRemoved(policy, rm);
  return policy;
}

function readLog({ logDriver, logOpt = [] }: RunFlags): LogOptions {
  const driver = maybeFlag('--log-driver', logDriver, parseLogDriver) ?? DEFAULT_LOG.driver;
  return checkLog({ driver, options: Object.fromEntries(logOpt.map(parseLogOption)) });
}

/** An empty one is none, as in Docker, and not the working directory. */
const pathOrNone = (path: string | undefined, cwd: string): string | undefined =>
  path ? resolve(cwd, path) : undefined;

/** The very same -v twice is one, as in Docker; two mounts at one place are an error. */
function readMounts(opts: RunFlags, cwd: string): MountOption[] {
  const mounts = [
    ...[...new Set(opts.volume ?? [])].map((value) =>
      readFlag('-v, --volume', value, (text) => parseVolume(text, cwd)),
    ),
    ...(opts.mount ?? []).map((value) => readFlag('--mount', value, (text) => parseMount(text, cwd))),
    ...(opts.tmpfs ?? []).map((value) => readFlag('--tmpfs', value, parseTmpfs)),
  ];
  const targets = new Set<string>();
  for (const { target } of mounts) {
    if (targets.has(target)) throw usageError(`Duplicate mount point: ${target}`);
    targets.add(target);
  }
  return mounts;
}

function lastOfEachName(ulimits: readonly Ulimit[]): Ulimit[] {
  return [...new Map(ulimits.map((ulimit) => [ulimit.name, ulimit])).values()].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}
