import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Machine, packageRoot, tsrun } from './machine.ts';
import type { Row } from './results.ts';
import { median, summarize } from './statistics.ts';

const GROUP = 'runs in a row';
const EDGE = 20;
/** What two medians of the same thing differ by on a busy machine. */
const AS_FAST = 1.2;

const namesIn = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};
const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Of these containers; others may run some of their own at the same time. */
function cgroupsOf(ids: readonly string[]): string[] {
  const hierarchies = namesIn('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name));
  return ['/sys/fs/cgroup', ...hierarchies].flatMap((path) =>
    namesIn(path).filter((name) => ids.some((id) => name === `tsrun-${id}`)),
  );
}

/** What there is of ours, by kind. Monitors are known by the file that they are. */
function census({ scratch, environment }: Machine, ids: readonly string[]): Record<string, string[]> {
  const data = join(scratch, 'data');
  const monitor = join(packageRoot, 'native/build/tsrun-monitor');
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return {
    mounts: mounts.filter((line) => line.includes(scratch)),
    cgroups: cgroupsOf(ids),
    processes: namesIn('/proc').filter((pid) => /^\d+$/.test(pid) && linkOf(`/proc/${pid}/exe`) === monitor),
    directories: ['containers', 'overlay2', 'overlay2/l', 'names']
      .flatMap((name) => namesIn(join(data, name)))
      .concat(namesIn(environment.TSRUN_RUN ?? '').filter((name) => !name.startsWith('events.jsonl'))),
  };
}

/** A number of runs, one after the other: is the last as fast as the first, and what do they leave? */
export function leftOver(machine: Machine, runs: number): Row[] {
  const before = census(machine, []);
  const times: number[] = [];
  const ids: string[] = [];
  const idFile = join(machine.scratch, 'id');
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    const { status, stderr } = spawnSync(tsrun, ['run', '--rm', '--cidfile', idFile, machine.rootfs, 'true'], {
      env: machine.environment,
    });
    times.push(performance.now() - begun);
    ids.push(readFileSync(idFile, 'utf8'));
    rmSync(idFile);
    if (status !== 0) machine.warn(`run ${i + 1} failed with exit code ${status}: ${stderr}`);
  }
  const after = census(machine, ids);
  const left = Object.entries(after).map(([kind, names]) => {
    const more = names.filter((name) => !before[kind]?.includes(name)).length;
    return {
      group: GROUP,
      name: `${kind} left by ${runs} runs`,
      runs: 1,
      median: more,
      p95: more,
      unit: '',
      target: 0,
      met: more === 0,
    };
  });
  const [first, last] = [times.slice(0, EDGE), times.slice(-EDGE)];
  const ratio = median(last) / median(first);
  const drift: Row = {
    group: GROUP,
    name: `the last ${EDGE} of ${runs}`,
    ...summarize(last),
    against: `the first ${EDGE}`,
    ratio,
    target: AS_FAST,
    met: ratio <= AS_FAST,
  };
  return [drift, ...left];
}
