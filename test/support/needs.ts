import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Callback, Test } from 'uvu';

/** Something a test needs from the machine. `reason` is read only when `ok` is false, and says what is missing. */
export interface Requirement {
  readonly ok: boolean;
  readonly reason: string;
}

/** A test that did not run, for the list that `test/run.ts` prints. */
export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

declare global {
  // Set by test/support/child.ts, which sends the list to test/run.ts; unset when a file is run by hand.
  var tsrunSkips: SkippedTest[] | undefined;
}

/**
 * A view of `test` whose tests (and hooks) run only when every requirement is met; otherwise each test is counted as
 * skipped, with the first missing requirement as its reason. Works for a suite and for a single test:
 * `const test = needs(suite('mount'), root())`, `needs(test, tool('runc'))('same as runc', () => {…})`.
 */
export function needs<T>(test: Test<T>, ...requirements: Requirement[]): Test<T> {
  const missing = requirements.find((requirement) => !requirement.ok);
  return missing === undefined ? test : skipping(test, missing.reason);
}

function skipping<T>(test: Test<T>, reason: string): Test<T> {
  const skip = (name = 'a test', _handler?: Callback<T>): void => {
    test.skip();
    record({ name, reason });
  };
  const before = Object.assign(() => {}, { each: () => {} });
  const after = Object.assign(() => {}, { each: () => {} });
  return Object.assign(skip.bind(undefined), { only: skip, skip, before, after, run: () => test.run() });
}

function record(skipped: SkippedTest): void {
  if (globalThis.tsrunSkips) globalThis.tsrunSkips.push(skipped);
  else process.stderr.write(`skipped: ${skipped.name}: ${skipped.reason}\n`);
}

const known = new Map<string, Requirement>();

/** A probe is asked once per test file. */
function once(key: string, reason: string, probe: () => boolean): Requirement {
  const answer = known.get(key) ?? { ok: probe(), reason };
  known.set(key, answer);
  return answer;
}

export function linux(): Requirement {
  return { ok: process.platform === 'linux', reason: 'not Linux' };
}

/** The architecture by Node's name: `x64`, `arm64`. */
export function arch(name: string): Requirement {
  return { ok: process.arch === name, reason: `not an ${name} machine` };
}

/** Root that may also make namespaces: root in a plain container has the id but not CAP_SYS_ADMIN. */
export function root(): Requirement {
  if (process.getuid?.() !== 0) return { ok: false, reason: 'not root' };
  return once('root', 'root without CAP_SYS_ADMIN: cannot make a mount namespace', () => runs('unshare', '-m', 'true'));
}

/** Mounts a small overlay for real, in a mount namespace of its own. The kernel may list overlay and still refuse. */
export function overlay(): Requirement {
  const script = [
    'mount -t tmpfs tsrun-probe /mnt',
    'mkdir /mnt/l /mnt/u /mnt/w /mnt/m',
    'mount -t overlay tsrun-probe -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m',
  ];
  return once('overlay', 'no overlayfs', () => runs('unshare', '-m', 'sh', '-c', script.join(' && ')));
}

/** User namespaces that this user may make. */
export function userNamespace(): Requirement {
  return once('userns', 'no user namespaces', () => runs('unshare', '-U', 'true'));
}

/** A program in PATH. */
export function tool(name: string): Requirement {
  const path = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`;
  return once(`tool ${name}`, `no ${name} in PATH`, () =>
    path.split(delimiter).some((directory) => accessible(join(directory, name), constants.X_OK)),
  );
}

/** A file or directory of this machine, such as `/dev/net/tun`. */
export function exists(path: string): Requirement {
  return { ok: existsSync(path), reason: `no ${path}` };
}

/** A writable cgroup v1 hierarchy of that controller. */
export function cgroupV1(controller: string): Requirement {
  return once(`v1 ${controller}`, `no cgroup v1 ${controller} hierarchy that can be written`, () =>
    mounts('cgroup').some(({ path, options }) => options.includes(controller) && accessible(path, constants.W_OK)),
  );
}

/** A writable cgroup v2 hierarchy, with that controller when one is named. On a hybrid machine it has none. */
export function cgroupV2(controller?: string): Requirement {
  const what = controller === undefined ? '' : ` with the ${controller} controller`;
  return once(`v2 ${controller}`, `no cgroup v2 hierarchy${what} that can be written`, () =>
    mounts('cgroup2').some(({ path }) => {
      const controllers = readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(' ');
      return accessible(path, constants.W_OK) && (controller === undefined || controllers.includes(controller));
    }),
  );
}

/** That controller, by version 1 or 2. */
export function cgroup(controller: string): Requirement {
  const ok = cgroupV1(controller).ok || cgroupV2(controller).ok;
  return { ok, reason: `no ${controller} cgroup controller that can be used` };
}

/** Linux of at least that version: `kernel(5, 12)`. */
export function kernel(major: number, minor: number): Requirement {
  const [have = 0, haveMinor = 0] = release().split(/[.-]/).map(Number);
  const ok = have > major || (have === major && haveMinor >= minor);
  return { ok, reason: `Linux ${release()} is older than ${major}.${minor}` };
}

/** The outside network: only where the reader asked for it. */
export function network(): Requirement {
  return { ok: process.env.TSRUN_TEST_NETWORK === '1', reason: 'network not asked for (TSRUN_TEST_NETWORK=1)' };
}

function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

function accessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Mounts of one file system type, from proc_pid_mountinfo(5): …  path  … - type source options. */
function mounts(type: string): { path: string; options: string[] }[] {
  const table = process.platform === 'linux' ? readFileSync('/proc/self/mountinfo', 'utf8') : '';
  return table.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [found, , options = ''] = right.split(' ');
    return found === type ? [{ path: left.split(' ')[4] ?? '', options: options.split(',') }] : [];
  });
}
