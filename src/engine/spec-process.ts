import { TsrunError } from '../errors/tsrun-error.ts';
import { capabilityMask } from '../kernel/capabilities.ts';
import { type Process, RLIM_INFINITY, type Rlimit } from '../spec/oci.ts';
import { resolveCapabilities } from './capabilities.ts';
import type { EnvChange, RunOptions, Ulimit } from './run-options.ts';
import { DEFAULT_PATH } from './spec-defaults.ts';
import type { SpecFacts } from './spec-facts.ts';

/** The process of PID 1 as dockerd describes it, plus the $HOME that runc would add. */
export function specProcess(options: RunOptions, facts: SpecFacts): Process {
  const capabilities = resolveCapabilities(
    { add: options.capAdd, drop: options.capDrop, privileged: options.privileged },
    facts.availableCapabilities,
  );
  return {
    terminal: options.tty,
    user: { uid: facts.user.uid, gid: facts.user.gid, additionalGids: facts.user.additionalGids },
    args: specArgs(options),
    env: specEnv({
      hostname: options.hostname ?? facts.hostname,
      tty: options.tty,
      home: facts.user.home,
      changes: options.env,
    }),
    cwd: options.workdir ?? '/',
    // CVE-2022-24769: inheritable capabilities made file capabilities effective for everyone. Ambient would be the same and more.
    capabilities: {
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: [],
      ambient: [],
    },
    ...(options.ulimits.length > 0 ? { rlimits: options.ulimits.map((ulimit) => specRlimit(ulimit, facts)) } : {}),
    noNewPrivileges: false,
    oomScoreAdj: 0,
  };
}

/** @throws TsrunError 'usage' when there is nothing to run */
export function specArgs(options: Pick<RunOptions, 'entrypoint' | 'command'>): string[] {
  const args =
    options.entrypoint === undefined || options.entrypoint === ''
      ? options.command
      : [options.entrypoint, ...options.command];
  if (args.length === 0)
    throw new TsrunError('usage', 'no command specified', {
      hint: 'name a program after the root directory, such as /bin/sh',
    });
  return [...args];
}

export interface EnvWishes {
  hostname: string;
  tty: boolean;
  home: string;
  changes: readonly EnvChange[];
  /** What the container's PID 1 was given, for exec; the image's variables later. */
  basis?: readonly EnvChange[];
}

/**
 * Docker's order: PATH, HOSTNAME, TERM with -t, then the user's; one that is there already changes in its place, and a null
 * value takes it away. HOME comes last unless it has a value, as runc does it (docker-on-disk §7).
 */
export function specEnv(wishes: EnvWishes): string[] {
  const env = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', wishes.hostname],
  ]);
  if (wishes.tty) env.set('TERM', 'xterm');
  for (const [key, value] of [...(wishes.basis ?? []), ...wishes.changes]) {
    if (value === null) env.delete(key);
    else env.set(key, value);
  }
  if (!env.get('HOME')) env.set('HOME', wishes.home);
  return [...env].map(([key, value]) => `${key}=${value}`);
}

/** setrlimit(2): raising a hard limit needs CAP_SYS_RESOURCE. Said here, with a name, rather than as EPERM later. */
function specRlimit(ulimit: Ulimit, facts: SpecFacts): Rlimit {
  const type = `RLIMIT_${ulimit.name.toUpperCase()}`;
  const hard = ulimit.hard === -1 ? Number.POSITIVE_INFINITY : ulimit.hard;
  const most = facts.hostRlimits?.get(type)?.hard ?? Number.POSITIVE_INFINITY;
  const mayRaise = (facts.availableCapabilities & capabilityMask(['CAP_SYS_RESOURCE'])) !== 0n;
  if (hard > most && !mayRaise) {
    const asked = ulimit.hard === -1 ? 'unlimited' : ulimit.hard;
    throw new TsrunError(
      'permission',
      `--ulimit ${ulimit.name}: ${asked} is above this process's own hard limit ${most}`,
      {
        hint: 'raising a limit needs CAP_SYS_RESOURCE, which this process does not have',
      },
    );
  }
  const oci = (limit: number) => (limit === -1 ? RLIM_INFINITY : limit);
  return { type, soft: oci(ulimit.soft), hard: oci(ulimit.hard) };
}
