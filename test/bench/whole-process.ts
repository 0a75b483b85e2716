import { execFileSync } from 'node:child_process';
import { type Bounds, type Contestant, contest, type Measured } from './contest.ts';
import { directoryOf, fetchNode, keepCodeFor, type Machine, nodeVersion, tsrun } from './machine.ts';
import { peers } from './peers.ts';
import { compared, type Row } from './results.ts';

const GROUP = 'a whole process: `true` in a new container, and in a running one';
const OTHERS = 'the same by others';
const MOST_OF_NODE = 1.5;
const NEWER_NODE = 24;
/** Compared, but not judged: what a disk does is not ours. */
const OWN_DISK = 'tsrun run --rm, data on this machine’s disk';

interface OnNode {
  version: string;
  contestants: Contestant[];
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
      ...(machine.ownDisk === undefined
        ? []
        : [of(OWN_DISK, [tsrun, 'run', '--data-root', machine.ownDisk, '--rm', machine.rootfs, 'true'])]),
    ],
  };
}

/** A container that runs until the end of the bench. */
function longContainer(machine: Machine): string {
  const name = 'bench-long';
  const options = { env: machine.environment, stdio: 'ignore' } as const;
  execFileSync(tsrun, ['run', '-d', '--name', name, machine.rootfs, 'sleep', '3600'], options);
  machine.onClose(() => execFileSync(tsrun, ['rm', '-f', name], options));
  return name;
}

/** Each start against Node's own, on the same Node. */
function judged(row: Row, measured: readonly Measured[]): Row {
  const version = /\(v[^)]+\)$/.exec(row.name)?.[0];
  const node = measured.find(({ name }) => name === `node -e 0 ${version}`);
  if (node === undefined || row.name === node.name) return row;
  return compared(row, node, row.name.startsWith(OWN_DISK) ? undefined : MOST_OF_NODE);
}

/** Faster than docker and podman: as a row of its own, because the target is ours and not theirs. */
function fasterThan(run: Measured, others: readonly Measured[]): Row[] {
  const peers = others.filter(({ name }) => name === 'docker run' || name === 'podman run');
  return peers.map((peer) => compared({ ...run, group: OTHERS, name: `${run.name} against ${peer.name}` }, peer, 1));
}

/** A contest for each Node, and one with others: what a dozen other programs leave of the caches is not what a command line finds that is used again and again. */
export async function wholeProcess(machine: Machine, bounds: Bounds): Promise<Row[]> {
  const container = longContainer(machine);
  const newer = fetchNode(machine, NEWER_NODE);
  const nodes = [process.execPath, ...(newer ? [newer] : [])].map((node) => onNode(machine, node, container));
  const ours: Measured[] = [];
  for (const { contestants } of nodes) ours.push(...(await contest(machine, contestants, bounds)));
  const [, subject] = nodes[0]!.contestants;
  const [run, ...others] = await contest(machine, [subject!, ...peers(machine)], bounds);
  return [
    ...ours.map((one) => judged({ ...one, group: GROUP }, ours)),
    ...(run ? [{ ...run, group: OTHERS }, ...others.map((one) => compared({ ...one, group: OTHERS }, run))] : []),
    ...(run ? fasterThan(run, others) : []),
  ];
}
