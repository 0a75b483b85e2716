import { execFileSync, spawn } from 'node:child_process';
import { type Bounds, type Contestant, contest, type Measured } from './contest.ts';
import { directoryOf, fetchNode, keepCodeFor, type Machine, nodeVersion, tsrun } from './machine.ts';
import { peers } from './peers.ts';
import { compared, type Row } from './results.ts';

const GROUP = 'a whole process: `true` in a new container, and in a running one';
const MOST_OF_NODE = 1.5;
const NEWER_NODE = 24;

interface OnNode {
  version: string;
  contestants: [Contestant, Contestant, Contestant];
}

/** `node -e 0`, `run` and `exec`, all by that Node. */
function onNode(machine: Machine, node: string, container: string): OnNode {
  keepCodeFor(node);
  const version = nodeVersion(node);
  const path = directoryOf(node);
  const of = (what: string, argv: string[]): Contestant => ({ name: `${what} (${version})`, argv, path });
  return {
    version,
    contestants: [
      of('node -e 0', [node, '-e', '0']),
      of('tsrun run --rm', [tsrun, 'run', '--rm', machine.rootfs, 'true']),
      of('tsrun exec', [tsrun, 'exec', container, 'true']),
    ],
  };
}

/** A container that runs until the end of the bench. */
function longContainer(machine: Machine): string {
  const name = 'bench-long';
  const options = { env: machine.environment };
  const child = spawn(tsrun, ['run', '--name', name, machine.rootfs, 'sh', '-c', 'echo up; exec sleep 3600'], {
    ...options,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  machine.onClose(() => execFileSync(tsrun, ['rm', '-f', name], options));
  child.stdout.destroy();
  child.unref();
  return name;
}

/** @throws when it does not come up */
function waitUntilUp(machine: Machine, name: string): void {
  for (let tries = 0; tries < 50; tries++) {
    try {
      execFileSync(tsrun, ['exec', name, 'true'], { env: machine.environment, stdio: 'ignore' });
      return;
    } catch {
      // not yet
    }
  }
  throw new Error(`${name} does not come up`);
}

function judged(row: Row, measured: readonly Measured[]): Row {
  const version = /\(v[^)]+\)$/.exec(row.name)?.[0];
  const node = measured.find(({ name }) => name === `node -e 0 ${version}`);
  const run = measured.find(({ name }) => name.startsWith('tsrun run'));
  if (row.name.startsWith('tsrun') && node) return compared(row, node, MOST_OF_NODE);
  if (run && !row.name.startsWith('node') && row.name !== run.name) return compared(row, run);
  return row;
}

/** Faster than docker and podman: as a row of its own, because the target is ours and not theirs. */
function fasterThan(measured: readonly Measured[]): Row[] {
  const run = measured.find(({ name }) => name.startsWith('tsrun run'));
  return measured
    .filter(({ name }) => name === 'docker run' || name === 'podman run')
    .flatMap((peer) =>
      run ? [compared({ ...run, group: GROUP, name: `${run.name} against ${peer.name}` }, peer, 1)] : [],
    );
}

export async function wholeProcess(machine: Machine, bounds: Bounds): Promise<Row[]> {
  const container = longContainer(machine);
  waitUntilUp(machine, container);
  const newer = fetchNode(machine, NEWER_NODE);
  const nodes = [process.execPath, ...(newer ? [newer] : [])].map((node) => onNode(machine, node, container));
  const measured = await contest(
    machine,
    [...nodes.flatMap(({ contestants }) => contestants), ...peers(machine)],
    bounds,
  );
  return [...measured.map((one) => judged({ ...one, group: GROUP }, measured)), ...fasterThan(measured)];
}
