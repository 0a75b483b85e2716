import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMiniRootfs } from '../../src/image/mini-rootfs.ts';
import { Pty } from './pty.ts';
import { type CommandOptions, type Live, type Outcome, openTsrun, PATIENCE_MS, PROGRAM, type Tsrun } from './tsrun.ts';

export interface RunOptions extends CommandOptions {
  rootfs?: string;
}

/** A tsrun of its own with what tests of confinement need: a root directory with many tools and /probe (probe.c), and copies to spoil. */
export class World {
  /** Everybody may walk into it. */
  readonly dir: string;
  /** Never written to: `copy()` it. */
  readonly rootfs: string;
  readonly probe: string;
  private copies = 0;
  private readonly terminals = new Set<Pty>();

  private constructor(readonly tsrun: Tsrun) {
    this.dir = mkdtempSync(join(tmpdir(), 'tsrun-world-'));
    chmodSync(this.dir, 0o755);
    this.rootfs = join(this.dir, 'rootfs');
    this.probe = join(this.dir, 'probe');
  }

  static async open(): Promise<World> {
    const world = new World(await openTsrun());
    await makeMiniRootfs(world.rootfs);
    for (const name of ['probe', 'pty'])
      world.host('cc', '-static', '-O1', '-o', join(world.dir, name), join(import.meta.dirname, `${name}.c`));
    copyFileSync(world.probe, join(world.rootfs, 'probe'));
    return world;
  }

  get dataRoot(): string {
    return this.tsrun.dataRoot;
  }
  get runRoot(): string {
    return this.tsrun.runRoot;
  }

  /** `tsrun run --rm flags rootfs command…`, to its end. */
  run(command: readonly string[], flags: readonly string[] = [], options: RunOptions = {}): Outcome {
    const { rootfs = this.rootfs, ...rest } = options;
    return this.tsrun.run(['run', '--rm', ...flags, rootfs, ...command], { cwd: this.dir, ...rest });
  }

  /** The same, stdin open, not waited for. */
  start(command: readonly string[], flags: readonly string[] = [], options: RunOptions = {}): Live {
    const { rootfs = this.rootfs, ...rest } = options;
    return this.tsrun.spawn(['run', '--rm', ...flags, rootfs, ...command], { cwd: this.dir, ...rest });
  }

  /** tsrun with these words, on a terminal. `close()` ends it if need be. */
  onTerminal(
    words: readonly string[],
    size: { rows?: number; columns?: number } = {},
    through?: readonly string[],
  ): Pty {
    const command = through ?? [process.execPath, '--', PROGRAM];
    const env = { TSRUN_ROOT: this.dataRoot, TSRUN_RUN: this.runRoot };
    const pty = new Pty(join(this.dir, 'pty'), [...command, ...words], { ...size, env });
    this.terminals.add(pty);
    return pty;
  }

  /** A shell script inside; its output, without the last newline. @throws when it fails */
  shell(script: string, flags: readonly string[] = [], options: RunOptions = {}): string {
    const { code, stdout, stderr } = this.run(['sh', '-c', script], flags, options);
    if (code !== 0) throw new Error(`exit code ${code}: ${script}\n${stdout}${stderr}`);
    return stdout.replace(/\n$/, '');
  }

  /** A program of the host. @throws when it fails */
  host(program: string, ...args: string[]): string {
    const done = spawnSync(program, args, { encoding: 'utf8', timeout: PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 });
    if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.status} ${done.stderr}${done.error}`);
    return done.stdout;
  }

  /** A root directory to spoil: hard links, so replace its files and do not write into them. */
  copy(): string {
    const path = join(this.dir, `rootfs-${++this.copies}`);
    this.host('cp', '-al', this.rootfs, path);
    return path;
  }

  ids(): string[] {
    return this.tsrun.ids();
  }

  /** Ends what runs, and takes everything away. */
  async close(): Promise<void> {
    for (const terminal of this.terminals) terminal.kill();
    await this.tsrun.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Directories of the container's cgroups, of every hierarchy. */
export function cgroupsOf(id: string): string[] {
  return ['', ...readdirSync('/sys/fs/cgroup')]
    .map((hierarchy) => join('/sys/fs/cgroup', hierarchy, `tsrun-${id}`))
    .filter((path) => existsSync(path));
}

/** A file in the place of whatever is there; a hard link's other name keeps its content. */
export function write(path: string | Buffer, text: string | Buffer, mode = 0o644): void {
  rmSync(path, { recursive: true, force: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}
