import { add, addLink, mergedLinks, type Tree } from './tree.ts';

/** Where a login shell in the tree looks for programs; also the order in which this machine is searched. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const USER_ID = 1000;

const DIRECTORIES = `/boot /dev /etc /home /media /mnt /opt /proc /run /run/lock /srv /sys /usr/bin /usr/lib /usr/lib64
  /usr/local/bin /usr/local/lib /usr/local/sbin /usr/sbin /usr/share /var/cache /var/lib /var/log`;

// Ids as Debian's base-passwd gives them: 5 for tty is what devpts is mounted with.
const USERS = `root:0:0:/root:SHELL daemon:1:1:/usr/sbin bin:2:2:/bin sys:3:3:/dev games:5:60:/usr/games man:6:12:/var/cache/man
  lp:7:7:/var/spool/lpd mail:8:8:/var/mail news:9:9:/var/spool/news proxy:13:13:/bin www-data:33:33:/var/www
  backup:34:34:/var/backups nobody:65534:65534:/nonexistent`;

const GROUPS = `root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 news:9 man:12 proxy:13 kmem:15 dialout:20 tape:26
  sudo:27 audio:29 www-data:33 backup:34 shadow:42 utmp:43 video:44 staff:50 games:60 users:100 nogroup:65534`;

const OS_RELEASE = `PRETTY_NAME="tsrun mini (programs of the host)"
NAME="tsrun mini"
ID=tsrun-mini
ID_LIKE=debian
`;

const HOSTS = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
`;

const NSSWITCH = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`;

const PROMPT = `PS1='\\u@\\h:\\w\\$ '\n`;

// An interactive shell only: a script that reads the file must not find a prompt in its environment.
const BASHRC = `[ -z "\${PS1-}" ] || ${PROMPT}`;

const PROFILE = `PATH=${SYSTEM_PATH}
export PATH
umask 022
[ -z "\${PS1-}" ] || [ -z "\${BASH-}" ] || ${PROMPT}`;

/** Everything but programs, libraries and data: directories, the links of a merged /usr, and /etc. */
export function addBaseFiles(tree: Tree, shell: string): void {
  addDirectories(tree);
  mergedLinks(tree);
  addUsers(tree, shell);
  const texts: Record<string, string> = {
    '/etc/os-release': OS_RELEASE,
    '/etc/nsswitch.conf': NSSWITCH,
    '/etc/hosts': HOSTS,
    '/etc/hostname': 'tsrun\n',
    '/etc/resolv.conf': '',
    '/etc/profile': PROFILE,
    '/etc/bash.bashrc': BASHRC,
    '/root/.bashrc': BASHRC,
  };
  for (const [path, text] of Object.entries(texts)) add(tree, path, { kind: 'text', mode: 0o644, text });
  addLink(tree, '/etc/mtab', '/proc/self/mounts');
}

function addDirectories(tree: Tree): void {
  for (const path of DIRECTORIES.trim().split(/\s+/)) add(tree, path, { kind: 'directory', mode: 0o755 });
  add(tree, '/root', { kind: 'directory', mode: 0o700 });
  for (const path of ['/tmp', '/var/tmp']) add(tree, path, { kind: 'directory', mode: 0o1777 });
}

function addUsers(tree: Tree, shell: string): void {
  const passwd = USERS.split(/\s+/).map((user) => {
    const [name = '', uid = '', gid = '', home = '', own] = user.split(':');
    return `${name}:x:${uid}:${gid}:${name}:${home}:${own === 'SHELL' ? shell : '/usr/sbin/nologin'}\n`;
  });
  passwd.push(`user:x:${USER_ID}:${USER_ID}:user:/home/user:${shell}\n`);
  const groups = [...GROUPS.split(/\s+/), `user:${USER_ID}`].map((group) => `${group.replace(':', ':x:')}:\n`);
  add(tree, '/etc/passwd', { kind: 'text', mode: 0o644, text: passwd.join('') });
  add(tree, '/etc/group', { kind: 'text', mode: 0o644, text: groups.join('') });
  add(tree, '/home/user', { kind: 'directory', mode: 0o755, owner: USER_ID });
  add(tree, '/home/user/.bashrc', { kind: 'text', mode: 0o644, owner: USER_ID, text: BASHRC });
}
