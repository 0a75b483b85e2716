import { readFileSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TsrunError } from '../errors/tsrun-error.ts';
import { type AptSource, oneLine, readAptSources, sourcesForSuite } from './apt-sources.ts';
import { SYSTEM_PATH } from './base-files.ts';
import { lookUp } from './find-program.ts';
import { type StageOptions, stage, writeMarker } from './staging.ts';

export interface DebianRootfsOptions extends StageOptions {
  /** Where mmdebstrap and debootstrap are looked for, as in `PATH`. */
  readonly path?: string | undefined;
}

export interface DebianRootfsSummary {
  /** With its suite, as in `debian:bookworm`. */
  readonly from: string;
  readonly tool: 'mmdebstrap' | 'debootstrap';
  readonly bytes: number;
}

interface Tool {
  readonly name: DebianRootfsSummary['tool'];
  readonly path: string;
}

/**
 * Makes a small Debian: `from` is `debian`, for the machine's own release, or `debian:SUITE`. Packages come from the
 * archives that this machine's apt uses. Takes the network, root and a quarter of a minute or more.
 * @throws TsrunError `usage`: another `from`; `unsupported`: neither mmdebstrap nor debootstrap; `permission`: not
 *   root; `system`: the tool failed; `conflict`, `not-found`: `dir`.
 */
export async function makeDebianRootfs(
  dir: string,
  from: string,
  options: DebianRootfsOptions = {},
): Promise<DebianRootfsSummary> {
  const suite = suiteOf(from);
  const tool = findTool(options.path ?? SYSTEM_PATH);
  if (process.getuid?.() !== 0) {
    throw new TsrunError('permission', `make the root file system ${dir}: ${tool.name}: must be root`, {
      hint: 'use sudo',
    });
  }
  return stage(dir, options, async (temporary) => {
    const sources = sourcesForSuite(readAptSources(), suite, ownSuite());
    const args = await argumentsOf(tool, suite, temporary, sources);
    await inScratch(`${temporary}.scratch`, (scratch) => run(dir, tool, args, scratch, options.signal));
    await writeMarker(temporary, `debian:${suite}\n`);
    return { from: `debian:${suite}`, tool: tool.name, bytes: await bytesIn(temporary) };
  });
}

/** The suite becomes an argument and a path of an archive: a name, not an option and not `..`. */
function suiteOf(from: string): string {
  const match = /^debian(?::([a-z][a-z0-9-]*))?$/.exec(from);
  if (match === null) {
    throw new TsrunError('usage', `--from ${from}: not a distribution that tsrun can make`, {
      hint: 'debian, or debian:SUITE such as debian:bookworm',
    });
  }
  return match[1] ?? ownSuite() ?? 'stable';
}

/** os-release(5); undefined when this machine is not a Debian. */
function ownSuite(): string | undefined {
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return undefined;
  }
  const field = (name: string) => new RegExp(`^${name}="?([a-z0-9-]+)"?$`, 'm').exec(text)?.[1];
  return field('ID') === 'debian' ? field('VERSION_CODENAME') : undefined;
}

function findTool(path: string): Tool {
  for (const name of ['mmdebstrap', 'debootstrap'] as const) {
    const found = lookUp(name, path);
    if (found !== undefined) return { name, path: found };
  }
  throw new TsrunError('unsupported', '--from debian: neither mmdebstrap nor debootstrap is installed', {
    hint: 'apt-get install mmdebstrap',
  });
}

/** With no source the tools take Debian's own mirror, which they know. */
async function argumentsOf(
  tool: Tool,
  suite: string,
  target: string,
  sources: readonly AptSource[],
): Promise<string[]> {
  if (tool.name === 'mmdebstrap') {
    const settings = (await aptSettings()).map((setting) => `--aptopt=${setting}`);
    const options = ['--mode=root', '--variant=minbase', '--format=directory', ...settings];
    return [...options, suite, target, ...sources.map(oneLine)];
  }
  const base = sources.find((source) => source.suite === suite); // debootstrap takes a single archive
  const keyring = base?.signedBy === undefined ? [] : [`--keyring=${base.signedBy}`];
  return ['--variant=minbase', ...keyring, suite, target, ...(base === undefined ? [] : [base.uri])];
}

/** A machine whose archives are snapshots of the past says that old dates are all right; the tree has the same archives. */
async function aptSettings(): Promise<string[]> {
  const { execa } = await import('execa');
  const { stdout } = await execa('apt-config', ['dump'], {
    reject: false,
    stdin: 'ignore',
    env: { PATH: SYSTEM_PATH },
  });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const setting = /^(Acquire::Check-(?:Valid-Until|Date) ".*");$/.exec(line)?.[1];
    return setting === undefined ? [] : [setting];
  });
}

/**
 * In a mount and a PID namespace of its own: whatever the tool mounts in the tree ends with it, and the end of
 * `unshare` is the end of everything that it started.
 */
async function run(
  dir: string,
  tool: Tool,
  args: readonly string[],
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { execa } = await import('execa');
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const result = await execa('unshare', [...namespaces, tool.path, ...args], {
    stdin: 'ignore',
    all: true,
    reject: false,
    env: { PATH: SYSTEM_PATH, LC_ALL: 'C.UTF-8', TMPDIR: scratch },
    killSignal: 'SIGKILL',
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  if (!result.failed) return;
  const lines = (result.all ?? result.shortMessage).split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^E: /.test(line));
  const why = (errors.length > 0 ? errors.slice(0, 3) : lines.slice(-3)).join('\n  ');
  throw new TsrunError('system', `make the root file system ${dir}: ${tool.name}: ${why || result.shortMessage}`, {
    cause: result,
  });
}

/** A tool that is killed leaves its temporary files: so they get a directory of their own. Writable for apt's user. */
async function inScratch<T>(scratch: string, work: (scratch: string) => Promise<T>): Promise<T> {
  await mkdir(scratch);
  try {
    await chmod(scratch, 0o1777);
    return await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function bytesIn(directory: string, seen = new Set<number>()): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += await bytesIn(path, seen);
    if (!entry.isFile()) continue;
    const { ino, size } = await lstat(path);
    if (!seen.has(ino)) bytes += size;
    seen.add(ino);
  }
  return bytes;
}
