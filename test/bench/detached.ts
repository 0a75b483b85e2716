import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bounds, type Contestant, contest } from './contest.ts';
import { type Machine, tsrun } from './machine.ts';
import { peers } from './peers.ts';
import { compared, type Row } from './results.ts';
import { summarize } from './statistics.ts';

const GROUP = 'containers that live on: `sleep inf`, detached';
const MOST_OF_NODE = 1.5;
const MOST_PSS_KB = 64;
const MOST_OF_ALONE = 1.3;
const OTHERS_COUNT = 10;
const TURN = 20;

const node: Contestant = { name: 'node -e 0', argv: [process.execPath, '-e', '0'] };

function ok(machine: Machine, ...words: string[]): string {
  return execFileSync(tsrun, words, {
    env: machine.environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** A command that ends in a name, of which each is another. */
function numbered(
  machine: Machine,
  what: string,
  prefix: string,
  words: readonly string[],
  behind: string[] = [],
): Contestant {
  const counter = join(machine.scratch, `count-${what.replaceAll(' ', '-')}`);
  writeFileSync(counter, '1\n');
  const script = 'read n < "$0"; echo $((n + 1)) > "$0"; p=$1; k=$2; shift 2; exec "$@" "$p$n" $k';
  return { name: `tsrun ${what}`, argv: ['sh', '-c', script, counter, prefix, behind.join(' '), tsrun, ...words] };
}

function startMany(machine: Machine, prefix: string, count: number): void {
  for (let i = 1; i <= count; i++) ok(machine, 'run', '-d', '--name', `${prefix}${i}`, machine.rootfs, 'sleep', 'inf');
}

function removeAll(machine: Machine, prefix: string): void {
  const names = ok(machine, 'ps', '-a', '--format', '{{.Names}}')
    .split('\n')
    .filter((name) => name.startsWith(prefix));
  if (names.length > 0) ok(machine, 'rm', '-f', ...names);
}

/** Each of the three commands of a detached container's life, against Node alone. */
async function commands(machine: Machine, bounds: Bounds): Promise<Row[]> {
  const enough = 2 * bounds.rounds + 10;
  startMany(machine, 's', enough);
  const run = numbered(machine, 'run -d', 'd', ['run', '-d', '--name'], [machine.rootfs, 'sleep', 'inf']);
  const stop = numbered(machine, 'stop', 's', ['stop']);
  const rm = numbered(machine, 'rm', 's', ['rm']);
  const first = await contest(machine, [node, run, stop], bounds);
  for (let i = 1; i <= enough; i++) ok(machine, 'stop', `s${i}`);
  const second = await contest(machine, [node, rm], bounds);
  for (const prefix of ['s', 'd']) removeAll(machine, prefix);
  return [first, second].flatMap(([base, ...measured]) =>
    base === undefined
      ? []
      : [{ ...base, group: GROUP }, ...measured.map((one) => compared({ ...one, group: GROUP }, base, MOST_OF_NODE))],
  );
}

/** Of one process, its pages that it shares counted in part, in KB. undefined when it has ended. */
function pss(pid: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)?.[1]);
  } catch {
    return undefined;
  }
}

function pssOf(comm: string): number[] {
  const pids = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === comm.slice(0, 15);
    } catch {
      return false;
    }
  });
  return pids.flatMap((pid) => pss(pid) ?? []);
}

const memory = (name: string, kb: readonly number[], target?: number): Row => {
  const { median, p95, runs } = summarize([...kb]);
  const verdict = target === undefined ? {} : { target, met: median <= target };
  return { group: GROUP, name, median, p95, runs, unit: 'KB', ...verdict };
};

const timesOf = (machine: Machine, prefix: string): number[] =>
  Array.from({ length: TURN }, (_, i) => {
    const begun = performance.now();
    ok(machine, 'run', '-d', '--name', `${prefix}${i}`, machine.rootfs, 'sleep', 'inf');
    return performance.now() - begun;
  });

/** Many at once: what a monitor costs, and whether the next start is as fast. */
function many(machine: Machine, count: number): Row[] {
  const alone = timesOf(machine, 'alone');
  removeAll(machine, 'alone');
  startMany(machine, 'many', count);
  const kb = pssOf('tsrun-monitor');
  const crowd = timesOf(machine, 'crowd');
  for (const prefix of ['crowd', 'many']) removeAll(machine, prefix);
  const base = { name: 'run -d, none running', ...summarize(alone) };
  const row = { group: GROUP, name: `run -d, ${count} running`, ...summarize(crowd) };
  return [
    memory(`PSS of each of ${count} idle monitors`, kb, MOST_PSS_KB),
    { group: GROUP, ...base },
    compared(row, base, MOST_OF_ALONE),
  ];
}

const KEEPERS: Record<string, string> = { 'docker run': 'containerd-shim-runc-v2', 'podman run': 'conmon' };

/** What others keep for each container, besides their daemons. */
function others(machine: Machine): Row[] {
  return peers(machine).flatMap((peer) => {
    const keeper = KEEPERS[peer.name];
    if (keeper === undefined) return [];
    const verb = peer.argv.indexOf('run');
    const [before, after] = [peer.argv.slice(0, verb), peer.argv.slice(verb + 1, -1)];
    const call = (words: readonly string[]): string => {
      const inside = peer.mountNamespace === undefined ? [] : ['nsenter', `--mount=${peer.mountNamespace}`];
      const [program, ...rest] = [...inside, ...before, ...words];
      return execFileSync(program!, rest, {
        env: machine.environment,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    };
    try {
      const ids = Array.from({ length: OTHERS_COUNT }, () => call(['run', '-d', ...after, 'sleep', 'inf']).trim());
      const kb = pssOf(keeper);
      call(['rm', '-f', ...ids]);
      return [memory(`PSS of each of ${OTHERS_COUNT} ${keeper} (${peer.name.split(' ')[0]})`, kb)];
    } catch (error) {
      machine.warn(`${peer.name} -d: ${(error as Error).message.slice(0, 200)}`);
      return [];
    }
  });
}

export async function detached(machine: Machine, bounds: Bounds, count: number): Promise<Row[]> {
  return [...(await commands(machine, bounds)), ...many(machine, count), ...others(machine)];
}
