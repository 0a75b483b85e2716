import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { mountDisk } from './disk.ts';

export const packageRoot = join(import.meta.dirname, '../..');
const cache = join(packageRoot, 'node_modules/.cache/tsrun-bench');
const NPM_LIMIT_MS = 120_000;

/** Where a bench works, and with what. */
export interface Machine {
  /** Removed at the end. On a disk of its own, if that can be had. */
  scratch: string;
  /** What kind of disk that is. */
  disk: string;
  /** A directory on the machine's own disk, if that is another. */
  ownDisk: string | undefined;
  rootfs: string;
  environment: NodeJS.ProcessEnv;
  warnings: string[];
  warn(text: string): void;
  /** Undoes what was done, last first; never fails. */
  close(): void;
  onClose(undo: () => void): void;
}

/** Data on a disk and state in memory, as by default; nothing of the caller's containers is touched. */
export function openMachine(): Machine {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-bench-'));
  const disk = mountDisk(directory);
  const scratch = disk?.data ?? directory;
  const undo: (() => void)[] = [];
  const warnings: string[] = [];
  const runRoot = disk?.run ?? `/run/tsrun-bench-${process.pid}`;
  const environment = { ...process.env, TSRUN_ROOT: join(scratch, 'data'), TSRUN_RUN: runRoot };
  const machine: Machine = {
    scratch,
    disk: disk?.is ?? 'the machine’s own',
    ownDisk: disk ? join(directory, 'own') : undefined,
    rootfs: join(scratch, 'rootfs'),
    environment,
    warnings,
    warn: (text) => {
      warnings.push(text);
      process.stderr.write(`bench: ${text}\n`);
    },
    onClose: (one) => undo.push(one),
    close: () => {
      for (const one of undo.splice(0).reverse()) attempt(one);
    },
  };
  // One file system only: should a mount ever be left in there, what is behind it stays.
  machine.onClose(() => spawnSync('rm', ['-rf', '--one-file-system', directory, ...(disk ? [] : [runRoot])]));
  if (disk) machine.onClose(disk.unmount);
  else machine.warn('no ext4 on a loop device here: measured on the machine’s own disk');
  execFileSync(tsrun, ['rootfs', machine.rootfs], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  return machine;
}

export const tsrun = join(packageRoot, 'bin/tsrun');

export function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // an undoing that finds nothing to undo
  }
}

export function findTool(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

/** Compiles a static C program into the cache. */
export function compileC(
  _machine: Machine,
  name: string,
  sources: readonly string[],
  flags: readonly string[] = [],
): string {
  mkdirSync(cache, { recursive: true });
  const output = join(cache, name);
  const paths = sources.map((source) => (source.startsWith('/') ? source : join(import.meta.dirname, source)));
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-static', ...flags, '-o', output, ...paths], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return output;
}

/** The `node` of the npm package of that name, fetched once; undefined, loudly, when it cannot be had. */
export function fetchNode(machine: Machine, version: number): string | undefined {
  const prefix = join(cache, `node-${version}`);
  const path = join(prefix, 'node_modules/node/bin/node');
  if (!existsSync(path)) {
    mkdirSync(prefix, { recursive: true });
    const options = ['--no-audit', '--no-fund', '--ignore-scripts=false', '--foreground-scripts'];
    spawnSync('npm', ['install', '--prefix', prefix, ...options, `node@${version}`], {
      stdio: 'ignore',
      timeout: NPM_LIMIT_MS,
    });
  }
  if (existsSync(path) && spawnSync(path, ['-e', '0']).status === 0) return path;
  machine.warn(`no Node ${version}: npm install node@${version} failed; its rows are left out`);
  return undefined;
}

/** The compiled code that bin/tsrun.cjs looks for is that of one version of Node. */
export function keepCodeFor(node: string): void {
  spawnSync(node, [join(packageRoot, 'bin/keep-code.cjs')], { stdio: 'ignore', timeout: 60_000 });
}

export const nodeVersion = (node: string): string => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
export const directoryOf = (program: string): string => dirname(program);

/** What a reader needs to know to compare numbers. */
export function describeMachine(): Record<string, string | number> {
  const model = cpus()[0]?.model.replace(/\s+/g, ' ').trim() ?? 'unknown';
  return {
    node: process.version,
    kernel: release(),
    arch: process.arch,
    cpus: cpus().length,
    model,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** Removes an empty cgroup of that name from every hierarchy. */
export function removeCgroup(name: string): void {
  for (const controller of ['.', 'unified', ...CONTROLLERS]) {
    attempt(() => rmdirSync(join('/sys/fs/cgroup', controller, name)));
  }
}

const CONTROLLERS =
  'blkio cpu cpu,cpuacct cpuacct cpuset devices freezer hugetlb memory misc net_cls net_cls,net_prio net_prio perf_event pids rdma systemd'.split(
    ' ',
  );
