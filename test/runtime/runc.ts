import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detectCgroups } from '../../src/cgroup/host.ts';
import type { Overlay } from '../../src/rootfs/types.ts';
import { readBundle } from '../../src/runtime/read-bundle.ts';
import { PATIENCE_MS } from '../support/tsrun.ts';

/**
 * $1 base, $2 options, $3 root directory, $4 state directory, $5 bundle, $6 id, $7 a cgroup2 mount that runc cannot live with, $8 on a
 * terminal, $9 a mount point to share. The overlay is mounted here as tsrun mounts it inside; all mounts end with the namespace.
 */
const SCRIPT = `
set -e
if [ -n "$7" ]; then umount "$7"; fi
mount --make-shared "$9"
cd "$1"
mount -t overlay overlay -o "$2" "$3"
cd "$5"
if [ -n "$8" ]; then exec script -qec "exec runc --root '$4' run '$6'" /dev/null; fi
exec runc --root "$4" run "$6"
`;

const overlayOptions = ({ lowerDirs, upperDir, workDir }: Overlay): string =>
  `lowerdir=${lowerDirs.join(':')},upperdir=${upperDir},workdir=${workDir}`;

/** Runs a bundle of tsrun's with Debian's runc, to its end, where only `shared` is a shared mount. Returns what it printed. */
export function runWithRunc(bundle: string, id: string, shared: string): string {
  const { overlay, rootPath, command } = readBundle('runc', bundle);
  if (overlay === undefined) throw new Error(`${bundle} has no overlay`);
  const { mode, hierarchies } = detectCgroups();
  const unified = mode === 'hybrid' ? (hierarchies.find(({ version }) => version === 2)?.mountPoint ?? '') : '';
  const state = mkdtempSync(join(tmpdir(), 'tsrun-runc-'));
  const words = [
    overlay.base,
    overlayOptions(overlay),
    rootPath,
    state,
    bundle,
    id,
    unified,
    command.terminal ? 't' : '',
    shared,
  ];
  try {
    const ended = spawnSync('unshare', ['-m', 'sh', '-c', SCRIPT, 'runc', ...words], {
      encoding: 'utf8',
      input: '',
      timeout: PATIENCE_MS,
      env: { PATH: process.env.PATH ?? '', TERM: 'dumb' },
    });
    if (ended.status !== 0)
      throw new Error(
        `runc: ${ended.status ?? ended.signal}\n${ended.stdout}${ended.stderr}\n${readFileSync(join(bundle, 'config.json'), 'utf8')}`,
      );
    return ended.stdout;
  } finally {
    spawnSync('runc', ['--root', state, 'delete', '-f', id], { stdio: 'ignore', timeout: PATIENCE_MS });
    rmSync(state, { recursive: true, force: true });
  }
}
