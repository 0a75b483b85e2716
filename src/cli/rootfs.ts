import { Command } from 'commander';
import { TsrunError } from '../errors/tsrun-error.ts';
import { makeDebianRootfs } from '../image/debian-rootfs.ts';
import { makeMiniRootfs } from '../image/mini-rootfs.ts';
import { monotonicMs } from '../kernel/clock.ts';

interface RootfsFlags {
  from?: string;
  force?: boolean;
  quiet?: boolean;
}

export function rootfsCommand(): Command {
  return new Command('rootfs')
    .description('make a root file system from programs of this machine, or a Debian')
    .argument('<dir>', 'directory to make; must not exist or be empty')
    .argument('[programs...]', 'names or paths of programs (default: bash, coreutils, the usual small tools)')
    .option('--from <distribution>', 'debian, or debian:SUITE: a real distribution (needs mmdebstrap or debootstrap)')
    .option('--force', 'replace a directory that tsrun rootfs made')
    .option('-q, --quiet', 'do not print the summary')
    .action(rootfs);
}

async function rootfs(dir: string, programs: string[], flags: RootfsFlags): Promise<void> {
  if (flags.from !== undefined && programs.length > 0) {
    throw new TsrunError('usage', `--from ${flags.from}: takes no programs, got ${programs.join(' ')}`, {
      hint: 'name programs without --from, or install packages in the tree later',
    });
  }
  const started = monotonicMs();
  const summary = await untilSignal((signal) => make(dir, programs, flags, signal));
  const seconds = ((monotonicMs() - started) / 1000).toFixed(1);
  if (!flags.quiet) process.stdout.write(`${dir}: ${summary} in ${seconds} s\n`);
}

async function make(dir: string, programs: string[], flags: RootfsFlags, signal: AbortSignal): Promise<string> {
  const options = { force: flags.force, signal };
  if (flags.from !== undefined) {
    const { from, bytes } = await makeDebianRootfs(dir, flags.from, options);
    return `${from}, ${megabytes(bytes)}`;
  }
  const made = await makeMiniRootfs(dir, programs, { ...options, path: process.env.PATH });
  return `${count(made.programs, 'program', 'programs')}, ${count(made.libraries, 'library', 'libraries')}, ${megabytes(made.bytes)}`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}

/** A signal ends the work with an error, so that the half-made tree is removed. */
async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  // Not `once`: execa's signal-exit ends this process when it finds itself the only listener left.
  process.on('SIGINT', abort).on('SIGTERM', abort);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort);
  }
}
