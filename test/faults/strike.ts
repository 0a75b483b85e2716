import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROGRAM, type Tsrun, until } from '../support/tsrun.ts';

/** Who makes a call (`cli`, `cli.1` its first child, `cli/thread`, `keep` …), its name, and how many of that name that one has made by then. */
export interface Point {
  role: string;
  name: string;
  nth: number;
}

/** One that was seen: its path or the file of its descriptor, who was alive. */
export interface Call extends Point {
  detail: string;
  alive: readonly string[];
}

export const showPoint = ({ role, name, nth }: Point): string => `${role} ${name} ${nth}`;

/** What became of a command line that was struck. */
export interface Struck {
  /** What the call was about; undefined: it was never made. */
  hit: string | undefined;
  /** Processes were killed. */
  killed: boolean;
  /** Exit code, or 128 + n. */
  code: number;
  stdout: string;
  stderr: string;
  /** Those of containers whose directories it made. */
  ids: string[];
  calls: Call[];
  milliseconds: number;
  /** Once everything else is over: processes that are still there. They are killed. */
  left(): Promise<string[]>;
}

/** Compiles strike.c into the directory. @returns its path */
export function buildStrike(directory: string): string {
  const program = join(directory, 'strike');
  const built = spawnSync('cc', ['-O1', '-o', program, join(import.meta.dirname, 'strike.c')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`cc strike.c: ${built.stderr}`);
  return program;
}

/** Before that path is opened, all is Node's. */
const OUR_BEGINNING = 'libtsrun.so';

export interface Order {
  point?: Point;
  /** `list`, `errno:N`, `kill:ORIGIN,…`, `kill:all`. */
  action: string;
  /** It is to be over once this holds; else when the command line has ended. */
  over?: () => boolean;
  /** Then this is done, as for one that would run for ever. */
  end?: () => void;
  patienceMs: number;
}

/** Runs tsrun with these words under strike(1), to its end. */
export async function strike(
  tsrun: Tsrun,
  program: string,
  words: readonly string[],
  { point, action, patienceMs }: Order,
): Promise<Struck> {
  const files = ['out', 'err'].map((name) => join(tsrun.directory, name));
  const fds = files.map((path) => openSync(path, 'w'));
  const at = point ? [point.role, point.name, String(point.nth)] : ['-', '-', '0'];
  const begin = performance.now();
  const child = spawn(program, [OUR_BEGINNING, ...at, action, '--', process.execPath, '--', PROGRAM, ...words], {
    env: { PATH: process.env.PATH ?? '', TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot },
    stdio: ['pipe', fds[0], fds[1], 'pipe'],
  });
  fds.forEach(closeSync);
  let report = '';
  (child.stdio[3] as NodeJS.ReadableStream).setEncoding('utf8').on('data', (text: string) => (report += text));
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let over = false;
  void exited.then(() => (over = true));
  await until(`the end of tsrun ${words.join(' ')}`, () => /^end /m.test(report) || over, patienceMs).catch(() => {});
  const status = Number(/^end (\d+)$/m.exec(report)?.[1] ?? -1);
  const left = async () => {
    child.stdin?.end();
    await exited;
    return report.split('\n').filter((line) => line.startsWith('left '));
  };
  const hit = /^hit ?(.*)$/m.exec(report)?.[1];
  return {
    hit,
    killed: hit !== undefined && action.startsWith('kill:'),
    code: status < 0 ? -1 : status & 127 ? 128 + (status & 127) : (status >> 8) & 255,
    stdout: readFileSync(files[0]!, 'utf8'),
    stderr: readFileSync(files[1]!, 'utf8'),
    ids: [...new Set([...report.matchAll(/^made \S+\/containers\/([0-9a-f]{64})$/gm)].map((match) => match[1]!))],
    calls: callsOf(report),
    milliseconds: performance.now() - begin,
    left,
  };
}

function callsOf(report: string): Call[] {
  const alive = new Set<string>();
  const calls: Call[] = [];
  for (const line of report.split('\n')) {
    const [kind, first = '', name = '', nth, ...detail] = line.split(' ');
    if (kind === 'born') alive.add(first);
    else if (kind === 'gone') alive.delete(first);
    else if (kind === 'call')
      calls.push({ role: first, name, nth: Number(nth), detail: detail.join(' '), alive: [...alive] });
  }
  return calls;
}
