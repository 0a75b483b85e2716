import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { CgroupLayout } from '../../src/cgroup/types.ts';
import { addRunFlags, readRunFlags } from '../../src/cli/run-flags.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { planRun } from '../../src/engine/run.ts';
import type { RunOptions } from '../../src/engine/run-options.ts';
import { CAPABILITY_NAMES, capabilityMask } from '../../src/kernel/capabilities.ts';
import { monitorPath } from '../../src/kernel/library.ts';
import type { Step } from '../../src/plan/step.ts';

const at = (name: string) => ({ mountPoint: `/sys/fs/cgroup/${name}`, version: 1 }) as const;
const V1 = [
  { ...at('systemd'), controllers: ['name=systemd'] },
  { ...at('cpu,cpuacct'), controllers: ['cpu', 'cpuacct'] },
  { ...at('cpuset'), controllers: ['cpuset'] },
  { ...at('devices'), controllers: ['devices'] },
  { ...at('memory'), controllers: ['memory'] },
];
const cpuset = { cpus: '0-3', mems: '0' };

/** The ways in which machines arrange cgroups. */
export const LAYOUTS: Record<CgroupLayout['mode'], CgroupLayout> = {
  none: { mode: 'none', hierarchies: [] },
  v1: { mode: 'v1', hierarchies: V1, cpuset },
  hybrid: {
    mode: 'hybrid',
    hierarchies: [...V1, { mountPoint: '/sys/fs/cgroup/unified', version: 2, controllers: [] }],
    cpuset,
  },
  v2: {
    mode: 'v2',
    hierarchies: [{ mountPoint: '/sys/fs/cgroup', version: 2, controllers: [] }],
    available: ['cpu', 'memory'],
  },
};

/** A machine that is the same everywhere. */
const machine = (layout: CgroupLayout): Machine => ({
  cgroups: () => layout,
  boundingSet: () => capabilityMask(CAPABILITY_NAMES),
  limits: () => new Map(),
  hostName: () => 'host',
  text: (path) => `the host's ${path}\n`,
  bootId: () => '00000000-0000-0000-0000-000000000000',
  devices: () => [
    { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o666 },
    { type: 'c', path: '/dev/net/tun', major: 10, minor: 200, fileMode: 0o666 },
    { type: 'b', path: '/dev/sda', major: 8, minor: 0, fileMode: 0o660, gid: 6 },
  ],
});

export interface GoldenRun {
  rootfs: string;
  plan(words: readonly string[], layout?: CgroupLayout): Step[];
  /** Without what is different in every run: ids, links, the places of this repository and of the root directory. */
  normalise(lines: readonly string[]): string;
  remove(): void;
}

export function parseRun(words: readonly string[], rootfs: string): RunOptions {
  let options: RunOptions | undefined;
  const readFile = (path: string): never => {
    throw new Error(path);
  };
  const parent = new Command('tsrun').enablePositionalOptions().exitOverride();
  addRunFlags(parent.command('run <rootfs> [command...]'))
    .exitOverride()
    .action((directory: string, command: string[], flags: object) => {
      options = readRunFlags(flags, directory, command, { env: {}, cwd: '/', readFile });
    });
  const command = ['sh', '-c', 'echo hello'];
  parent.parse(['run', '--name', 'golden', ...words, rootfs, ...command], { from: 'user' });
  return options!;
}

/** Plans of `tsrun run`, made without privilege on a machine of our own invention. */
export function goldenRun(): GoldenRun {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tsrun-golden-')));
  const rootfs = join(directory, 'rootfs');
  mkdirSync(join(rootfs, 'bin'), { recursive: true });
  writeFileSync(join(rootfs, 'bin/sh'), '');
  chmodSync(join(rootfs, 'bin/sh'), 0o755);
  return {
    rootfs,
    plan(words, layout = LAYOUTS.v2) {
      const engine = openEngine({ dataRoot: '/data', runRoot: '/run/tsrun', machine: machine(layout) });
      const options = parseRun(words, rootfs);
      const size = { rows: 24, columns: 80 };
      return planRun(engine, options, { interactive: options.interactive, ...(options.tty ? { size } : {}) });
    },
    normalise: (lines) => normalise(lines, rootfs),
    remove: () => rmSync(directory, { recursive: true }),
  };
}

/** A random word → the same word in every run, in the order in which they come up. */
function naming(prefix: string): (word: string) => string {
  const seen = new Map<string, string>();
  return (word) => {
    const name = seen.get(word) ?? `<${prefix}${seen.size + 1}>`;
    seen.set(word, name);
    return name;
  };
}

function normalise(lines: readonly string[], rootfs: string): string {
  const whole = `${lines.join('\n')}\n`;
  const id = whole.match(/containers\/([0-9a-f]{64})/)?.[1] ?? 'no id';
  return whole
    .replaceAll(monitorPath(), '<MONITOR>')
    .replaceAll(rootfs, '<ROOTFS>')
    .replaceAll(id, '<ID>')
    .replaceAll(id.slice(0, 12), '<SHORT ID>')
    .replace(/[0-9a-f]{64}/g, naming('LAYER'))
    .replace(/\b[A-Z2-7]{26}\b/g, naming('LINK'))
    .replace(/(<ROOTFS>\\"\\n", )\d+/g, '$1<LENGTH>')
    .replace(/(config\.json", .*", )\d+\)/g, '$1<LENGTH>)')
    .replace(/(\/started", .*, )"[^"]+", \d+\)/g, '$1"<NOW>", <LENGTH>)');
}
