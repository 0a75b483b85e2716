import { TsrunError } from '../errors/tsrun-error.ts';
import { parseId, parseUser } from './options/parse-user.ts';
import { hasControl } from './options/usage-error.ts';

export interface UserIdentity {
  uid: number;
  gid: number;
  /**
   * For setgroups(2): the primary gid first (CVE-2022-36109: without it, a file that denies its group was open), then the
   * memberships in /etc/group. No memberships when a group was given explicitly, as in Docker.
   */
  additionalGids: number[];
  /** For $HOME: `/` when passwd does not say. */
  home: string;
  /** `undefined` for a uid without an account. */
  username: string | undefined;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

/** NGROUPS_MAX (setgroups(2)). */
const MAX_GROUPS = 65536;

/**
 * -u inside a root. `passwd` and `group` are the bytes of the root's files, null when missing; the caller opens them
 * inside the root, as regular files only, and caps their size (CVE-2024-9676: a FIFO or a link there hung or filled the host).
 *
 * The content is the image's, so it is hostile: an id is [0-9]{1,10} up to 2^31-1 (CVE-2024-40635: 2^31 became 0, root),
 * and a line that is not well-formed is no line at all, where others read a missing number as 0.
 * @param spec `name`, `uid`, either with `:group` or `:gid`; empty = root
 * @throws TsrunError 'not-found', 'usage'
 */
export function lookupUser(spec: string, passwd: Buffer | null, group: Buffer | null): UserIdentity {
  const wanted = parseUser(spec);
  const accounts = parsePasswd(passwd);
  const groups = parseGroup(group);
  const account = findAccount(wanted.user, accounts);
  const uid = account?.uid ?? parseId(wanted.user) ?? 0;
  const gid = wanted.group === undefined ? (account?.gid ?? 0) : findGroup(wanted.group, groups);
  const memberships =
    wanted.group === undefined
      ? groups.filter(({ members }) => account !== undefined && members.includes(account.name))
      : [];
  const additionalGids = [...new Set([gid, ...memberships.map((membership) => membership.gid)])];
  if (additionalGids.length > MAX_GROUPS)
    throw new TsrunError('config', `/etc/group: more than ${MAX_GROUPS} groups for ${spec}`);
  // runc sets $HOME from the first account with the uid, also when another name of it was asked for.
  const home = accounts.find((entry) => entry.uid === uid)?.home;
  return { uid, gid, additionalGids, home: home ?? '/', username: account?.name };
}

/** Digits are a uid even if an account has that name. First match wins. */
function findAccount(user: string, accounts: readonly Account[]): Account | undefined {
  const uid = user === '' ? 0 : parseId(user);
  if (uid !== undefined) return accounts.find((account) => account.uid === uid);
  const found = accounts.find((account) => account.name === user);
  if (found === undefined) {
    throw new TsrunError('not-found', `unable to find user ${user}: no matching entries in passwd file`, {
      hint: 'a number works without an account: -u 1000:1000',
    });
  }
  return found;
}

function findGroup(group: string, groups: readonly Group[]): number {
  const gid = parseId(group);
  if (gid !== undefined) return gid;
  const found = groups.find(({ name }) => name === group);
  if (found === undefined)
    throw new TsrunError('not-found', `unable to find group ${group}: no matching entries in group file`);
  return found.gid;
}

/** passwd(5): name:password:uid:gid:gecos:home:shell */
function parsePasswd(content: Buffer | null): Account[] {
  const accounts: Account[] = [];
  for (const [name = '', , uidText = '', gidText = '', , home = ''] of records(content)) {
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    if (uid === undefined || gid === undefined) continue;
    accounts.push({ name, uid, gid, home: home.startsWith('/') && !hasControl(home) ? home : '/' });
  }
  return accounts;
}

/** group(5): name:password:gid:member,member */
function parseGroup(content: Buffer | null): Group[] {
  const groups: Group[] = [];
  for (const [name = '', , gidText = '', members = ''] of records(content)) {
    const gid = parseId(gidText);
    if (gid === undefined) continue;
    groups.push({ name, gid, members: members.split(',').filter((member) => member !== '') });
  }
  return groups;
}

/** Lines with a usable name. Comments and NIS entries (`+`, `-`) are none; a name with control characters is a forgery. */
function* records(content: Buffer | null): Generator<string[]> {
  for (const line of (content ?? Buffer.alloc(0)).toString('utf8').split('\n')) {
    const fields = line.trim().split(':');
    const name = fields[0] ?? '';
    if (name === '' || '#+-'.includes(name[0]!) || hasControl(name)) continue;
    yield fields;
  }
}
