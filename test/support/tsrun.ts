import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMiniRootfs } from '../../src/image/mini-rootfs.ts';

const SLOWDOWN = Number(process.env.TSRUN_TEST_SLOWDOWN ?? '1');
/** How long anything here may take before the test is told so. */
export const PATIENCE_MS = 20_000 * SLOWDOWN;
export const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'tsrun.cjs');
const PROGRAMS =
  'sh bash cat chmod cp echo env false id kill ln ls mkdir mv readlink rm sleep stat stty touch true tty'.split(' ');

/** What a command line said and how it ended. */
export interface Outcome {
  /** Exit code, or 128 + n for a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  input?: string | Buffer;
  /** Besides PATH and the roots. */
  env?: Record<string, string>;
  cwd?: string;
  /** Run as this user and group. */
  uid?: number;
  /** A program and its arguments that start tsrun: `setpriv --groups 5`. */
  through?: readonly string[];
}

/** A command line that is running. */
export interface Live {
  readonly child: ChildProcess;
  /** All that it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Until the text is in its output. Rejects when it ends before, or takes too long, with all that it said. */
  waitFor(text: string | RegExp, stream?: 'stdout' | 'stderr'): Promise<void>;
  readonly ended: Promise<Outcome>;
}

/** The program, with a data root and a run directory that belong to nobody else. */
export interface Tsrun {
  /** Holds `data` and `run`; 0700. */
  readonly directory: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  /** A small root file system that all tests of a process share: sh, bash and a few tools. Never write into it. */
  readonly rootfs: string;
  /** Runs to the end. */
  run(args: readonly string[], options?: CommandOptions): Outcome;
  /** Starts it, stdin open. */
  spawn(args: readonly string[], options?: CommandOptions): Live;
  /** `run --name NAME [flags] ROOTFS sh -c SCRIPT`, once it has printed a line `ready`. The script must print it. */
  container(name: string, script?: string, flags?: readonly string[]): Promise<Live>;
  /** `inspect -f`, trimmed. */
  inspect(name: string, template: string): string;
  ids(): string[];
  /** What these containers left: files below both roots and cgroups of their own. */
  leftovers(ids: readonly string[]): string[];
  /** Ends and removes everything. For `after` hooks. */
  close(): Promise<void>;
}

let sharedRootfs: Promise<string> | undefined;

/** Made once a process, removed with it. */
async function miniRootfs(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-rootfs-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  await makeMiniRootfs(join(directory, 'rootfs'), PROGRAMS);
  return join(directory, 'rootfs');
}

/** `await openTsrun()` in a `before` hook, `await tsrun.close()` in the `after` hook. */
export async function openTsrun(): Promise<Tsrun> {
  sharedRootfs ??= miniRootfs();
  const rootfs = await sharedRootfs;
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-test-'));
  const dataRoot = join(directory, 'data');
  const runRoot = join(directory, 'run');
  const live = new Set<ChildProcess>();
  const settings = ({ env, cwd, uid }: CommandOptions) => ({
    env: { PATH: process.env.PATH ?? '', TSRUN_ROOT: dataRoot, TSRUN_RUN: runRoot, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const tsrun: Tsrun = {
    directory,
    dataRoot,
    runRoot,
    rootfs,
    run: (args, options = {}) =>
      runToEnd(args, commandLine(args, options), { ...settings(options), input: options.input ?? '' }),
    spawn(args, options = {}) {
      const limit = { timeout: 3 * PATIENCE_MS, killSignal: 'SIGKILL' } as const;
      const child = spawn(...commandLine(args, options), { ...settings(options), ...limit, stdio: 'pipe' });
      live.add(child);
      child.on('close', () => live.delete(child));
      return watch(child, args);
    },
    async container(name, script = 'echo ready; exec sleep 600', flags = []) {
      const started = tsrun.spawn(['run', '--name', name, ...flags, rootfs, 'sh', '-c', script]);
      await started.waitFor(/^ready\r?$/m);
      return started;
    },
    inspect: (name, template) => expectOk(tsrun.run(['inspect', '-f', template, name])).trim(),
    ids: () => list(join(dataRoot, 'containers')),
    leftovers: (ids) => leftovers(dataRoot, runRoot, ids),
    async close() {
      for (const id of tsrun.ids()) tsrun.run(['rm', '-f', id]);
      for (const child of live) child.kill('SIGKILL');
      // A monitor may still be cleaning up.
      rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
  return tsrun;
}

function commandLine(args: readonly string[], { through = [] }: CommandOptions): [string, string[]] {
  const [program, ...words] = [...through, process.execPath, '--', PROGRAM, ...args];
  return [program!, words];
}

function runToEnd(args: readonly string[], words: [string, string[]], options: object): Outcome {
  const ended = spawnSync(...words, {
    ...options,
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  // EPIPE: it ended without reading all.
  if (ended.error && (ended.error as NodeJS.ErrnoException).code !== 'EPIPE')
    throw new Error(`tsrun ${args.join(' ')}: ${ended.error.message}\n${ended.stdout}${ended.stderr}`);
  return { code: exitCode(ended.status, ended.signal), stdout: ended.stdout, stderr: ended.stderr };
}

const SIGNALS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGTERM: 15 };

function exitCode(status: number | null, signal: string | null): number {
  return status ?? 128 + (SIGNALS[signal ?? ''] ?? 0);
}

function watch(child: ChildProcess, args: readonly string[]): Live {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  child.stdin?.on('error', () => {}); // it ended without reading all
  const ended = new Promise<Outcome>((resolve) => {
    child.on('error', (error) => resolve({ code: -1, stdout: '', stderr: error.message }));
    child.on('close', (status, signal) => resolve({ code: exitCode(status, signal), ...said }));
  });
  const waitFor: Live['waitFor'] = async (text, stream = 'stdout') => {
    const found = () => (typeof text === 'string' ? said[stream].includes(text) : text.test(said[stream]));
    let over = false;
    void ended.then(() => (over = true));
    await until(
      () => `${text} of tsrun ${args.join(' ')}, which said:\n${said.stdout}${said.stderr}`,
      () => found() || over,
    );
    if (!found()) throw new Error(`tsrun ${args.join(' ')} ended without ${text}:\n${said.stdout}${said.stderr}`);
  };
  return { child, stdout: () => said.stdout, stderr: () => said.stderr, waitFor, ended };
}

/** Waits for a condition that has no event, such as the end of a process that is not a child. */
export async function until(
  what: string | (() => string),
  holds: () => boolean,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > deadline) {
      throw new Error(`waited ${patienceMs} ms for ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Its standard output. Throws when it ended in another way, with what it said. */
export function expectOk({ code, stdout, stderr }: Outcome, expected = 0): string {
  if (code !== expected) throw new Error(`exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** What there is of runs: the file of events is no run's, and stays. */
export function namesOfRuns(runRoot: string): string[] {
  return list(runRoot).filter((name) => !/^events\.jsonl(\.1)?$/.test(name));
}

function leftovers(dataRoot: string, runRoot: string, ids: readonly string[]): string[] {
  const below = (path: string) => list(path).map((name) => join(path, name));
  const cgroups = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .flatMap((line) => ids.map((id) => join(line.split(' ')[4] ?? '', `tsrun-${id}`)))
    .filter((path) => existsSync(path));
  return [
    ...below(join(dataRoot, 'containers')),
    ...below(join(dataRoot, 'overlay2')).filter((path) => !path.endsWith('/l')),
    ...below(join(dataRoot, 'overlay2', 'l')),
    ...below(join(dataRoot, 'names')),
    ...namesOfRuns(runRoot).map((name) => join(runRoot, name)),
    ...new Set(cgroups),
  ];
}
