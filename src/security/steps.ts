import { CAPABILITY_NAMES, capabilityMask } from '../kernel/capabilities.ts';
import { AT, KEYCTL, O, PR, RLIMIT } from '../kernel/constants.ts';
import type { Struct } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import type { Process, User } from '../spec/oci.ts';

const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const UNLIMITED = 0xffffffffffffffffn;

const limit = (value: number): bigint => (value < 0 || value >= 2 ** 64 ? UNLIMITED : BigInt(value));

export function rlimitSteps(command: Process): Step[] {
  return (command.rlimits ?? []).map(({ type, soft, hard }) => {
    const name = type.replace(/^RLIMIT_/, '').toLowerCase() as keyof typeof RLIMIT;
    const bytes = Buffer.from(BigUint64Array.of(limit(soft), limit(hard)).buffer);
    const show = (value: number) => (limit(value) === UNLIMITED ? 'RLIM64_INFINITY' : String(value));
    const wanted: Struct = { bytes, shown: `{rlim_cur=${show(soft)}, rlim_max=${show(hard)}}` };
    return step(
      'prlimit64',
      { pid: 0, resource: RLIMIT[name], new_limit: wanted, old_limit: null },
      `--ulimit ${name}`,
    );
  });
}

/**
 * Whom the kernel kills first when memory runs out (proc(5)). While the host's /proc is still the one in sight: the container's own
 * could be anything. Going below the lowest value that a privileged process has set needs CAP_SYS_RESOURCE; an error, as in runc.
 */
export function oomScoreSteps({ oomScoreAdj }: Process): Step[] {
  if (oomScoreAdj === undefined) return [];
  const data = String(oomScoreAdj);
  const pathname = '/proc/self/oom_score_adj';
  return [
    step(
      'write_file',
      { dirfd: AT.AT_FDCWD, pathname, flags: O.O_WRONLY, mode: 0, data, length: data.length },
      'the score that the out-of-memory killer goes by, not the caller’s',
    ),
  ];
}

/** Keys of the caller's session must not be readable inside. */
export function keyringSteps(name: string): Step[] {
  return [
    step(
      'keyctl',
      { operation: KEYCTL.KEYCTL_JOIN_SESSION_KEYRING, arg2: `_ses.${name}`, arg3: 0 },
      'a session keyring of its own',
      { ignoreErrors: true },
    ),
  ];
}

function groupList(gids: readonly number[]): Struct {
  return { bytes: Buffer.from(Uint32Array.from(gids).buffer), shown: `[${gids.join(', ')}]` };
}

function userSteps({ uid, gid, additionalGids = [] }: User): Step[] {
  const groups = groupList(additionalGids);
  return [
    step(
      'setgroups',
      { size: additionalGids.length, list: additionalGids.length > 0 ? groups : null },
      'the groups of the user, none of the caller’s',
    ),
    step('setresgid', { rgid: gid, egid: gid, sgid: gid }, 'the group'),
    step(
      'prctl',
      { option: PR.PR_SET_KEEPCAPS, arg2: 1, arg3: 0, arg4: 0, arg5: 0 },
      'capabilities are dealt with below, not by the change of user',
    ),
    step('setresuid', { ruid: uid, euid: uid, suid: uid }, 'the user'),
  ];
}

function capabilitySets(command: Process): { header: Struct; sets: Struct } {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3);
  const masks = [
    command.capabilities?.effective,
    command.capabilities?.permitted,
    command.capabilities?.inheritable,
  ].map(capabilityMask);
  const sets = Buffer.alloc(24);
  masks.forEach((mask, i) => {
    sets.writeUInt32LE(Number(mask & 0xffffffffn), i * 4);
    sets.writeUInt32LE(Number(mask >> 32n), 12 + i * 4);
  });
  const show = (mask: bigint) => `0x${mask.toString(16).padStart(16, '0')}`;
  return {
    header: { bytes: header, shown: '{version=_LINUX_CAPABILITY_VERSION_3, pid=0}' },
    sets: {
      bytes: sets,
      shown: `{effective=${show(masks[0]!)}, permitted=${show(masks[1]!)}, inheritable=${show(masks[2]!)}}`,
    },
  };
}

function capabilitySteps(command: Process): Step[] {
  const { header, sets } = capabilitySets(command);
  const ambient = (arg2: number, arg3: number, why: string) =>
    step('prctl', { option: PR.PR_CAP_AMBIENT, arg2, arg3, arg4: 0, arg5: 0 }, why);
  return [
    step('capset', { hdrp: header, datap: sets }, 'these capabilities and no others'),
    ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0, 'none survives an exec by itself'),
    ...(command.capabilities?.ambient ?? []).map((name) =>
      ambient(PR_CAP_AMBIENT_RAISE, CAPABILITY_NAMES.indexOf(name), `but ${name}`),
    ),
  ];
}

/** The seccomp filter's place: without no_new_privs it needs CAP_SYS_ADMIN, so it comes before the capabilities go. Its issue fills it. */
function seccompSteps(_process: Process): Step[] {
  return [];
}

/**
 * From root with everything to the user and the capabilities of the spec. init and exec both go through here, and only here
 * (CVE-2016-9962, CVE-2022-24769, CVE-2022-29162: exec was weaker than init).
 */
export function privilegeSteps(command: Process): Step[] {
  const early = command.noNewPrivileges ? [] : seccompSteps(command);
  const late = command.noNewPrivileges ? seccompSteps(command) : [];
  return [
    step(
      'drop_bounding',
      { keep: capabilityMask(command.capabilities?.bounding) },
      'no exec can bring back another capability',
    ),
    ...early,
    ...userSteps(command.user),
    ...capabilitySteps(command),
    ...(command.noNewPrivileges
      ? [
          step(
            'prctl',
            { option: PR.PR_SET_NO_NEW_PRIVS, arg2: 1, arg3: 0, arg4: 0, arg5: 0 },
            'set-user-ID programs gain nothing',
          ),
        ]
      : []),
    ...late,
  ];
}
