/** What a shell session in a container reaches for. A machine that lacks one of them makes a tree without it. */
const SHELLS = 'bash sh dash';

const COREUTILS = `[ arch b2sum base32 base64 basename basenc cat chgrp chmod chown chroot cksum comm cp csplit cut date
  dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln
  logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf
  ptx pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split
  stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink
  users vdir wc who whoami yes`;

const TEXT = 'grep egrep fgrep sed awk mawk gawk find xargs cmp diff less more which clear tput';

const FILES = 'tar gzip gunzip zcat';

const PROCESSES = 'ps top free kill pgrep pidof pkill uptime vmstat watch renice taskset prlimit';

const SYSTEM = `mount umount mountpoint findmnt hostname dmesg getent getopt flock setsid setpriv unshare nsenter lsns
  sysctl`;

const NETWORK = 'ip ss ping';

/** Welcome when small: a full vim is larger than everything else together. */
const EDITORS = 'vi nano';
const MAX_EDITOR_BYTES = 2 << 20;

export interface DefaultProgram {
  readonly name: string;
  /** Bytes; left out when the program is larger. */
  readonly maxSize: number;
}

export function defaultPrograms(): DefaultProgram[] {
  const words = (text: string) => text.trim().split(/\s+/);
  const always = [SHELLS, COREUTILS, TEXT, FILES, PROCESSES, SYSTEM, NETWORK].flatMap(words);
  return [
    ...always.map((name) => ({ name, maxSize: Number.POSITIVE_INFINITY })),
    ...words(EDITORS).map((name) => ({ name, maxSize: MAX_EDITOR_BYTES })),
  ];
}
