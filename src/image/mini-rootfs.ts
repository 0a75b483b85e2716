import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';
import { addBaseFiles, SYSTEM_PATH } from './base-files.ts';
import { defaultPrograms } from './default-programs.ts';
import { readElf, readShebang } from './elf.ts';
import { executable, lookUp } from './find-program.ts';
import { LibraryResolver, type NeededFiles } from './libraries.ts';
import { MARKER, type StageOptions, stage } from './staging.ts';
import { add, addLink, copyOf, placeOf, type Tree, treeBytes, writeTree } from './tree.ts';

export interface MiniRootfsOptions extends StageOptions {
  /** Where named programs are looked for, as in `PATH`. The default ones come from the system's directories. */
  readonly path?: string | undefined;
}

export interface MiniRootfsSummary {
  /** Names that can be run, links such as `sh` included. */
  readonly programs: number;
  /** Library files and loaders. */
  readonly libraries: number;
  readonly bytes: number;
  /** Default programs that this machine lacks, or that are too large. */
  readonly skipped: readonly string[];
}

const TERMINALS = [
  'dumb',
  'linux',
  'screen',
  'screen-256color',
  'tmux',
  'tmux-256color',
  'vt100',
  'xterm',
  'xterm-256color',
];
const TERMINFO = ['/etc/terminfo', '/lib/terminfo', '/usr/share/terminfo'];
// glibc before 2.35, and Debian's of today, has its UTF-8 locale in files. The others are names of ports and protocols.
const DATA = ['/usr/lib/locale/C.utf8', '/etc/protocols', '/etc/services'];

/**
 * Makes a root file system from programs of this machine, with the libraries and the loader that they need.
 * `programs`: names or paths; none means the usual small ones. `dir` must not exist or be empty.
 * @throws TsrunError `not-found`: a named program, a library, the parent of `dir`; `conflict`: `dir` is taken.
 */
export async function makeMiniRootfs(
  dir: string,
  programs: readonly string[] = [],
  options: MiniRootfsOptions = {},
): Promise<MiniRootfsSummary> {
  return stage(dir, options, async (temporary) => {
    const plan = new MiniPlan();
    if (programs.length === 0) await plan.addDefaults();
    for (const program of programs) await plan.addProgram(findProgram(program, options.path ?? SYSTEM_PATH));
    await plan.addLibraries();
    await plan.addData();
    addBaseFiles(plan.tree, plan.has('bash') ? '/bin/bash' : '/bin/sh');
    add(plan.tree, MARKER, { kind: 'text', mode: 0o644, text: 'mini\n' });
    await writeTree(temporary, plan.tree, options.signal);
    return plan.summary();
  });
}

class MiniPlan {
  readonly tree: Tree = new Map();
  readonly #resolver = new LibraryResolver();
  readonly #needed: NeededFiles[] = [];
  readonly #programs = new Set<string>();
  readonly #libraries = new Set<string>();
  readonly #skipped: string[] = [];

  async addDefaults(): Promise<void> {
    for (const { name, maxSize } of defaultPrograms()) {
      const path = lookUp(name, SYSTEM_PATH);
      try {
        if (path === undefined || statSync(path).size > maxSize) this.#skipped.push(name);
        else await this.addProgram(path);
      } catch (error) {
        // A program of the machine that lacks a library does not run there either: the same as not being there.
        if (!(error instanceof TsrunError)) throw error;
        this.#skipped.push(name);
        if (path !== undefined) this.#programs.delete(path);
      }
    }
  }

  /** @param path absolute; a link keeps its name and leads to a copy of what it names. */
  async addProgram(path: string): Promise<void> {
    if (this.#programs.has(path)) return;
    const needed = readElf(path) === null ? undefined : this.#resolver.resolve(path);
    const interpreters = needed === undefined ? interpretersOf(path) : [];
    this.#programs.add(path); // before its interpreters: a script may name itself
    for (const interpreter of interpreters) await this.addProgram(interpreter);
    if (needed !== undefined) this.#needed.push(needed);
    const inPath = SYSTEM_PATH.split(':').includes(dirname(path));
    const command = `/usr/local/bin/${basename(path)}`;
    if (inPath) await this.#copyWithLink(path);
    else if (needed?.usesOrigin !== true) add(this.tree, command, await copyOf(realpathSync(path)));
    else addLink(this.tree, command, await this.#copyWithLink(path));
  }

  async addLibraries(): Promise<void> {
    for (const { loader, libraries } of this.#needed) {
      if (loader !== undefined) this.#libraries.add(await this.#copyWithLink(loader));
      const libc = libraries.find(({ path }) => basename(path) === 'libc.so.6');
      for (const { path, via } of libraries) {
        const place = await this.#copyWithLink(path);
        this.#libraries.add(place);
        // No /etc/ld.so.cache in the tree: what the machine's ld.so.conf finds is linked where the loader looks anyway.
        if (via === 'standard' && libc !== undefined)
          addLink(this.tree, join(dirname(placeOf(libc.path)), basename(path)), placeOf(path));
      }
    }
  }

  async addData(): Promise<void> {
    for (const path of DATA) await this.#copyAll(path);
    for (const name of TERMINALS) {
      const entry = join(name.charAt(0), name);
      const found = TERMINFO.map((directory) => join(directory, entry)).find((path) => existsSync(path));
      if (found !== undefined) add(this.tree, join('/usr/share/terminfo', entry), await copyOf(realpathSync(found)));
    }
  }

  has(name: string): boolean {
    return this.tree.has(`/usr/bin/${name}`);
  }

  summary(): MiniRootfsSummary {
    const bytes = treeBytes(this.tree);
    return { programs: this.#programs.size, libraries: this.#libraries.size, bytes, skipped: this.#skipped };
  }

  /** Copies the file that a path leads to and gives its place; the path itself becomes a direct link to it. */
  async #copyWithLink(path: string): Promise<string> {
    const real = realpathSync(path);
    const place = placeOf(real);
    if (!this.tree.has(place)) add(this.tree, place, await copyOf(real));
    addLink(this.tree, placeOf(path), place);
    return place;
  }

  async #copyAll(path: string): Promise<void> {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile()) add(this.tree, placeOf(path), await copyOf(realpathSync(path)));
    if (stats?.isDirectory()) for (const name of readdirSync(path).sort()) await this.#copyAll(join(path, name));
  }
}

/** A script needs its interpreter, and with `env` also the program that env is to find. */
function interpretersOf(script: string): string[] {
  const [interpreter, argument = ''] = readShebang(script) ?? [];
  if (interpreter === undefined) return [];
  const found = findProgram(interpreter, SYSTEM_PATH, script);
  const name = argument.split(/\s+/).find((word) => word !== '' && !word.startsWith('-') && !word.includes('='));
  return basename(interpreter) === 'env' && name !== undefined
    ? [found, findProgram(name, SYSTEM_PATH, script)]
    : [found];
}

function findProgram(name: string, path: string, neededBy?: string): string {
  const found = name.includes('/') ? executable(resolve(name)) : lookUp(name, path);
  if (found !== undefined) return found;
  const goal = neededBy === undefined ? 'copy' : `interpreter of ${neededBy}:`;
  throw new TsrunError('not-found', `${goal} ${name}: no such program on this machine`, {
    code: 'ENOENT',
    hint: name.includes('/') ? undefined : `looked in ${path}`,
  });
}
