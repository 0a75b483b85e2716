import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';
import { type ElfFile, type ElfMachine, elfMachine, readElf } from './elf.ts';
import { readLoaderConfig } from './loader-config.ts';

export interface Library {
  /** Absolute, as the loader would open it: often a link such as `…/libz.so.1`. */
  readonly path: string;
  /** `standard`: found in ld.so.conf's or the default directories. `own`: the program says where (RUNPATH, a path). */
  readonly via: 'own' | 'standard';
}

export interface NeededFiles {
  readonly machine: ElfMachine;
  /** PT_INTERP's loader; none for a static program. */
  readonly loader: string | undefined;
  readonly libraries: readonly Library[];
  /** Some object finds its libraries relative to itself: the program must keep its place in the tree. */
  readonly usesOrigin: boolean;
}

/** What glibc opens by itself at run time: names and addresses, and the unwinder behind pthread_cancel(3). */
const OPENED_BY_LIBC = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2', 'libgcc_s.so.1'];

const PLATFORM = { 'x86-64': 'x86_64', aarch64: 'aarch64' } as const;

interface Loaded {
  readonly path: string;
  readonly elf: ElfFile;
  readonly via: Library['via'];
  readonly parent: Loaded | undefined;
}

/** Finds libraries in the order of ld.so(8), without running the program as ldd(1) does. Remembers what it read. */
export class LibraryResolver {
  readonly #configured: readonly string[];
  readonly #read = new Map<string, ElfFile | null>();
  readonly #machines = new Map<string, ElfMachine | null>();

  constructor(configured: readonly string[] = readLoaderConfig('/etc/ld.so.conf')) {
    this.#configured = configured;
  }

  /**
   * Everything that the loader maps for a program.
   * @throws TsrunError `not-found` that names the program and the library; `unsupported` for a file that is no ELF.
   */
  resolve(program: string): NeededFiles {
    const elf = this.#elf(realpathSync(program));
    if (elf === null) throw new TsrunError('unsupported', `read ${program}: not an ELF file`, { code: 'ENOEXEC' });
    const first: Loaded = { path: realpathSync(program), elf, via: 'own', parent: undefined };
    const loaded = this.#load(first, first, program);
    const opened = loaded.has('libc.so.6') ? this.#openedByLibc(first, program) : [];
    const objects = [...loaded.values(), ...opened];
    const libraries = [...new Map(objects.map(({ path, via }) => [path, { path, via }])).values()];
    const usesOrigin = [first, ...objects].some(({ elf: one }) => [...one.rpath, ...one.runpath].some(isRelative));
    return { machine: elf.machine, loader: elf.interpreter, libraries, usesOrigin };
  }

  /** Breadth first, as the loader does: the first library of a name serves everyone who needs that name. */
  #load(from: Loaded, main: Loaded, program: string): Map<string, Loaded> {
    const loaded = new Map<string, Loaded>();
    const loader = main.elf.interpreter === undefined ? undefined : basename(main.elf.interpreter);
    const queue = [from];
    for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
      for (const name of object.elf.needed) {
        if (name === loader || loaded.has(name)) continue; // libc.so.6 needs the loader, which is there already
        const library = this.#find(name, object);
        if (library === undefined) throw missing(name, object, program);
        loaded.set(name, library);
        queue.push(library);
      }
    }
    return loaded;
  }

  #openedByLibc(main: Loaded, program: string): Loaded[] {
    const { machine } = main.elf;
    return OPENED_BY_LIBC.flatMap((name) => {
      const library = this.#inDirectories(name, machine, this.#standardDirectories(machine), 'standard', undefined);
      return library === undefined ? [] : [library, ...this.#load(library, main, program).values()];
    });
  }

  #find(name: string, object: Loaded): Loaded | undefined {
    const { machine } = object.elf;
    if (name.includes('/')) return this.#open(resolve('/', expand(name, object)), machine, 'own', object);
    const own = ownDirectories(object);
    return (
      this.#inDirectories(name, machine, own, 'own', object) ??
      this.#inDirectories(name, machine, this.#standardDirectories(machine), 'standard', object)
    );
  }

  #inDirectories(
    name: string,
    machine: ElfMachine,
    directories: readonly string[],
    via: Library['via'],
    parent: Loaded | undefined,
  ): Loaded | undefined {
    for (const directory of directories) {
      const found = this.#open(join(directory, name), machine, via, parent);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The loader goes on when a library is of another machine or class, and so does this. */
  #open(path: string, machine: ElfMachine, via: Library['via'], parent: Loaded | undefined): Loaded | undefined {
    if (!this.#machines.has(path)) this.#machines.set(path, elfMachine(path));
    if (this.#machines.get(path) !== machine) return undefined;
    const elf = this.#elf(path);
    return elf === null ? undefined : { path, elf, via, parent };
  }

  #elf(path: string): ElfFile | null {
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const elf = readElf(path);
    this.#read.set(path, elf);
    return elf;
  }

  /**
   * ld.so.conf's directories stand for /etc/ld.so.cache, which is made from them; then the built-in ones. The
   * glibc-hwcaps directories are left out on purpose: the plain library serves every processor.
   */
  #standardDirectories(machine: ElfMachine): string[] {
    const triplet = `${PLATFORM[machine]}-linux-gnu`;
    return [...this.#configured, `/lib/${triplet}`, `/usr/lib/${triplet}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
  }
}

/** ld.so(8): RUNPATH serves its own object; RPATH, only where there is no RUNPATH, also the libraries below it. */
function ownDirectories(object: Loaded): string[] {
  if (object.elf.runpath.length > 0) return object.elf.runpath.map((directory) => expand(directory, object));
  const directories: string[] = [];
  for (let one: Loaded | undefined = object; one !== undefined; one = one.parent) {
    const owner = one;
    if (owner.elf.runpath.length === 0) directories.push(...owner.elf.rpath.map((each) => expand(each, owner)));
  }
  return directories;
}

function isRelative(directory: string): boolean {
  return /\$(ORIGIN\b|\{ORIGIN\})/.test(directory);
}

function expand(text: string, { path, elf: { machine } }: Loaded): string {
  const values: Record<string, string> = {
    ORIGIN: dirname(path),
    PLATFORM: PLATFORM[machine],
    // $LIB is fixed when the loader is built; Debian's way, where it exists, else that of the others.
    LIB: elfMachine(`/lib/${PLATFORM[machine]}-linux-gnu/libc.so.6`) ? `lib/${PLATFORM[machine]}-linux-gnu` : 'lib64',
  };
  return text.replace(
    /\$(?:(ORIGIN|PLATFORM|LIB)\b|\{(ORIGIN|PLATFORM|LIB)\})/g,
    (_, plain, braced) => values[plain ?? braced] ?? '',
  );
}

function missing(name: string, object: Loaded, program: string): TsrunError {
  const by = object.parent === undefined ? '' : ` (for ${object.path})`;
  return new TsrunError('not-found', `libraries of ${program}: ${name}${by}: not found`, {
    hint: 'the program does not start on this machine either: install the package that has the library',
  });
}
