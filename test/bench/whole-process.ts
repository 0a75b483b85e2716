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

/** `node -e 0`, `run` and `exec`, all by that Node; and those that the disk has a part in, whose work goes on behind their end. */
interface OnNode {
  judged: Contestant[];
  onDisk: Contestant[];
}

function onNode(machine: Machine, node: string, container: string): OnNode {
  keepCodeFor(node);
  const version = nodeVersion(node);
  const path = directoryOf(node);
  const of = (what: string, argv: string[]): Contestant => ({ name: `${what} (${version})`, argv, path });
  const alone = of('node -e 0', [node, '-e', '0']);
  const { rootfs, ownDisk } = machine;
  return {
    judged: [
      alone,
      of('tsrun run --rm', [tsrun, 'run', '--rm', rootfs, 'true']),
      of('tsrun exec', [tsrun, 'exec', container, 'true']),
    ],
    onDisk:
      ownDisk === undefined
        ? []
        : [alone, of(OWN_DISK, [tsrun, 'run', '--data-root', ownDisk, '--rm', rootfs, 'true'])],
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

/** The first is Node alone, which the others are compared with. */
function rowsOf([alone, ...others]: readonly Measured[], target?: number): Row[] {
  if (alone === undefined) return [];
  return [{ ...alone, group: GROUP }, ...others.map((one) => compared({ ...one, group: GROUP }, alone, target))];
}

/** Faster than docker and podman: as a row of its own, because the target is ours and not theirs. */
function fasterThan(run: Measured, others: readonly Measured[]): Row[] {
  const peers = others.filter(({ name }) => name === 'docker run' || name === 'podman run');
  return peers.map((peer) => compared({ ...run, group: OTHERS, name: `${run.name} against ${peer.name}` }, peer, 1));
}

/** A contest for each Node, one of the disk, and one with others: what these leave behind is not what a command line finds that is used again and again. */
export async function wholeProcess(machine: Machine, bounds: Bounds): Promise<Row[]> {
  const container = longContainer(machine);
  const newer = fetchNode(machine, NEWER_NODE);
  const nodes = [process.execPath, ...(newer ? [newer] : [])].map((node) => onNode(machine, node, container));
  const ours: Row[] = [];
  for (const { judged, onDisk } of nodes) {
    ours.push(...rowsOf(await contest(machine, judged, bounds), MOST_OF_NODE));
    if (onDisk.length > 0) ours.push(...rowsOf(await contest(machine, onDisk, bounds)).slice(1));
  }
  const [, subject] = nodes[0]!.judged;
  const [run, ...others] = await contest(machine, [subject!, ...peers(machine)], bounds);
  return [
    ...ours,
    ...(run ? [{ ...run, group: OTHERS }, ...others.map((one) => compared({ ...one, group: OTHERS }, run))] : []),
    ...(run ? fasterThan(run, others) : []),
  ];
}
