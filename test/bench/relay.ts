import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bounds, type Contestant, contest } from './contest.ts';
import { type Machine, tsrun } from './machine.ts';
import { peers } from './peers.ts';
import { compared, type Row } from './results.ts';

const MEGABYTE = 1_000_000;
/** Either of the two is enough: so much of a pipe's time, or so many MB a second. */
const MOST_OF_A_PIPE = 2;
const ENOUGH = 500;
const OTHERS_MEGABYTES = 50;
const LINES_MEGABYTES = 50;

/** Of a kind of output: bytes that are no text, which the log has as base64, and lines of a hundred bytes. */
interface Output {
  what: string;
  /** What writes them, outside and inside of a container. */
  outside: string;
  inside: readonly string[];
  flags: readonly string[];
}

/** How fast output comes through, logged and not, against a pipe; and how fast through others that log it, too, which get less of it. */
export async function relay(machine: Machine, megabytes: number, bounds: Bounds): Promise<Row[]> {
  const rows: Row[] = [];
  for (const outputOf of [zeros, lines]) {
    rows.push(...(await againstPipe(machine, outputOf(machine, megabytes), megabytes, bounds)));
    rows.push(...(await withOthers(machine, outputOf(machine, OTHERS_MEGABYTES), bounds)));
  }
  return rows;
}

function zeros(_: Machine, megabytes: number): Output {
  const command = `head -c ${megabytes * MEGABYTE} /dev/zero`;
  return { what: 'zeros', outside: command, inside: command.split(' '), flags: [] };
}

function lines(machine: Machine, megabytes: number): Output {
  const file = join(machine.scratch, 'lines');
  writeFileSync(file, `${'0123456789'.repeat(9)}abcdefghi\n`.repeat((LINES_MEGABYTES * MEGABYTE) / 100));
  const often = (what: string) => Array.from({ length: Math.ceil(megabytes / LINES_MEGABYTES) }, () => what);
  return {
    what: 'lines of 100 bytes',
    outside: `cat ${often(file).join(' ')}`,
    inside: ['cat', ...often('/lines')],
    flags: ['-v', `${file}:/lines:ro`],
  };
}

function ours(machine: Machine, { flags, inside }: Output, ...more: string[]): Contestant {
  const argv = [tsrun, 'run', '--rm', ...more, ...flags, machine.rootfs, ...inside];
  return { name: ['tsrun run', ...more].join(' '), argv };
}

/** All move the bytes twice: from who writes them into a pipe, and out of it. */
async function againstPipe(machine: Machine, output: Output, megabytes: number, bounds: Bounds): Promise<Row[]> {
  const group = `the relay: ${megabytes} MB of ${output.what} from a container to /dev/null, against a pipe`;
  const contestants = [
    { name: 'a pipe', argv: ['sh', '-c', `${output.outside} | cat`] },
    ours(machine, output),
    ours(machine, output, '--log-driver', 'none'),
  ];
  const [pipe, ...measured] = await contest(machine, contestants, bounds);
  if (pipe === undefined) return [];
  const judged = measured.map((one): Row => {
    const row = compared({ ...one, group }, pipe, MOST_OF_A_PIPE);
    const speed = (megabytes / one.median) * 1000;
    return { ...row, met: row.met || speed >= ENOUGH, instead: `${speed.toFixed(0)} MB/s of ${ENOUGH}` };
  });
  return [{ ...pipe, group }, ...judged];
}

async function withOthers(machine: Machine, output: Output, { seconds }: Bounds): Promise<Row[]> {
  const group = `the same by others, with a log: ${OTHERS_MEGABYTES} MB of ${output.what}`;
  const contestants = [ours(machine, output), ...others(machine, output)];
  const measured = await contest(machine, contestants, { rounds: 2, seconds });
  return measured.map((one) => compared({ ...one, group }, measured[0]!));
}

/** Those that keep a log, too: of the same size, where that can be said. */
function others(machine: Machine, { inside, flags }: Output): Contestant[] {
  const logs: Record<string, string[]> = {
    'docker run': ['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'],
    'podman run': ['--log-driver', 'k8s-file', '--log-opt', 'max-size=10m'],
  };
  return peers(machine).flatMap((peer) => {
    const log = logs[peer.name];
    if (log === undefined) return [];
    const verb = peer.argv.indexOf('run') + 1;
    const [before, after] = [peer.argv.slice(0, verb), peer.argv.slice(verb, -1)];
    return [{ ...peer, argv: [...before, ...log, ...flags, ...after, ...inside] }];
  });
}
