/**
 * What a command sees of the container that it is PID 1 of, as `section key` → value. Two runtimes that were given the same
 * bundle must show the same.
 */
export type View = Map<string, string>;

/** Prints the view from inside; needs bash, cat, stat, readlink, find and sort. Writes nothing. */
export const VIEW_SCRIPT = `
section() { printf '\\n@@ %s\\n' "$1"; }
section mountinfo; cat /proc/1/mountinfo
section status; cat /proc/1/status
section signals; cat /proc/self/status
section stat; cat /proc/1/stat
section limits; cat /proc/1/limits
section environ; while IFS= read -r -d '' one; do printf '%s\\n' "$one"; done < /proc/1/environ
section namespace; for one in /proc/1/ns/*; do printf '%s %s\\n' "\${one##*/}" "$(readlink "$one")"; done
section cgroup; cat /proc/1/cgroup
section fd; for one in /proc/1/fd/*; do printf '%s %s\\n' "\${one##*/}" "$(readlink "$one")"; done
section file
for one in /proc/1/oom_score_adj /proc/1/personality /proc/1/coredump_filter /proc/1/uid_map /proc/1/setgroups \\
  /proc/1/timerslack_ns /proc/sys/kernel/hostname /proc/sys/kernel/domainname /proc/sys/net/ipv4/ping_group_range \\
  /proc/sys/kernel/msgmax /proc/sys/kernel/sem /proc/sys/fs/mqueue/msg_max /proc/sys/net/core/somaxconn \\
  /proc/sys/net/ipv4/ip_unprivileged_port_start /sys/class/net/lo/flags /etc/hosts /etc/hostname /etc/resolv.conf; do
  printf '%s %s\\n' "$one" "$(cat "$one" 2>&1 | tr '\\n' '|')"
done
section link; for one in cwd root exe; do printf '%s %s\\n' "$one" "$(readlink /proc/1/$one)"; done
section tree; find /dev /t /v /w /work -xdev -printf '%p %M %U:%G %l ' -exec stat -c '%t:%T' {} \\; 2>/dev/null | sort
section root; for one in / /dev/shm /dev/mqueue /dev/pts /tmp; do printf '%s %s\\n' "$one" "$(stat -c '%A %u:%g' "$one" 2>&1)"; done
section hidden; for one in /proc/kcore /proc/keys /proc/interrupts /proc/acpi /sys/firmware /proc/timer_list; do
  printf '%s %s\\n' "$one" "$( (if [ -d "$one" ]; then ls -A "$one"; else head -c 20 "$one"; fi) 2>&1 | tr '\\n' '|')"; done
section writable; for one in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/profiling /; do
  [ -w "$one" ] && printf '%s yes\\n' "$one" || printf '%s no\\n' "$one"; done
`;

/** Lines of /proc/PID/status that are about confinement; the rest is about memory and time. */
const STATUS = /^(Umask|Uid|Gid|Groups|NStgid|NSsid|Cap\w+|NoNewPrivs|Seccomp|Tgid|PPid)$/;
/** What was handed on, as a child of the shell's sees it: the shell itself blocks and catches some at times. */
const SIGNALS = /^Sig(Blk|Ign)$/;
/** Fields of /proc/PID/stat (proc(5)), counted from the one behind the name. */
const STAT: Record<string, number> = { parent: 1, group: 2, session: 3, terminal: 4, priority: 15, nice: 16 };

/** The text that the script printed → entries. */
export function parseView(text: string, names: readonly (readonly [string, string])[]): View {
  const view: View = new Map();
  const add = (section: string, key: string, value: string): void => {
    const named = names.reduce((all, [from, to]) => all.replaceAll(from, to), value);
    const known = view.get(`${section} ${key}`);
    view.set(`${section} ${key}`, known === undefined ? named : `${known}\n${named}`);
  };
  for (const part of text.replace(/\r+\n/g, '\n').split('\n@@ ').slice(1)) {
    const [section = '', ...lines] = part.split('\n');
    for (const line of lines.filter(Boolean)) readLine(section, line, add);
  }
  return view;
}

type Add = (section: string, key: string, value: string) => void;

function readLine(section: string, line: string, add: Add): void {
  if (section === 'mountinfo') return readMount(line, add);
  if (section === 'stat') {
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    for (const [name, index] of Object.entries(STAT)) add(section, name, fields[index] ?? '');
    return;
  }
  if (section === 'status' || section === 'signals') {
    const [key = '', value = ''] = line.split(/:\s*/);
    if ((section === 'status' ? STATUS : SIGNALS).test(key)) add(section, key, value);
    return;
  }
  if (section === 'limits') return add(section, line.slice(0, 26).trim(), line.slice(26).replace(/\s+/g, ' ').trim());
  if (section === 'environ') {
    const [key = '', ...value] = line.split('=');
    return add(section, key, value.join('='));
  }
  if (section === 'cgroup') {
    const [, key = '', path = ''] = line.split(':');
    return add(section, key, path);
  }
  const [key = '', ...rest] = line.split(' ');
  add(section, key, rest.join(' '));
}

/** proc_pid_mountinfo(5): ids are any; what the file system itself says is left out where it is the host's. */
function readMount(line: string, add: Add): void {
  const [left = '', right = ''] = line.split(' - ');
  const [, , , root = '', point = '', options = '', ...optional] = left.split(' ');
  const [type = '', source = '', superOptions = ''] = right.split(' ');
  add('mount', point, [root, options, ...optional.map((one) => one.replace(/\d+/, 'N'))].join(' '));
  add('file-system', point, type === 'overlay' ? type : `${type} ${source} ${superOptions}`);
}

export interface Difference {
  key: string;
  ours: string | undefined;
  theirs: string | undefined;
}

export function differences(ours: View, theirs: View): Difference[] {
  const keys = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  return keys.flatMap((key) =>
    ours.get(key) === theirs.get(key) ? [] : [{ key, ours: ours.get(key), theirs: theirs.get(key) }],
  );
}
