import { spawnSync } from 'node:child_process';

/** One line per file: path, type, mode, owner, size, times, links, content, extended attributes. Names may be any bytes. */
const SCRIPT = `
import hashlib, os, stat, sys
top = os.fsencode(sys.argv[1])
times = sys.argv[2] == 'times'
def line(path):
    st = os.lstat(path)
    data = b''
    if stat.S_ISREG(st.st_mode): data = hashlib.sha256(open(path, 'rb').read()).hexdigest()
    if stat.S_ISLNK(st.st_mode): data = os.readlink(path)
    xattrs = [(name, os.getxattr(path, name, follow_symlinks=False).hex()) for name in sorted(os.listxattr(path, follow_symlinks=False))]
    size = 0 if stat.S_ISDIR(st.st_mode) else st.st_size
    when = (st.st_mtime_ns, st.st_ctime_ns) if times else ()
    return repr((os.path.relpath(path, top), oct(st.st_mode), st.st_uid, st.st_gid, st.st_rdev, size, st.st_nlink, when, data, xattrs))
lines = [line(top)]
for directory, names, files in os.walk(top):
    lines += [line(os.path.join(directory, name)) for name in names + files]
print('\\n'.join(sorted(lines)))
`;

/** All that can be said of a tree and its files but the access times; without `times` only what is not a time. */
export function treeState(path: string, { times = true } = {}): string {
  const done = spawnSync('python3', ['-c', SCRIPT, path, times ? 'times' : 'no'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout;
}

/** Without the file of events, which is no run's and stays: for a state of a run directory. */
export function withoutEvents(state: string): string {
  return state.replace(/^\(b'(?:run\/)?events\.jsonl.*\n?/gm, '');
}
