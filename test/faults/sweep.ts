import { constants } from 'node:os';
import { type Outcome, openTsrun, PATIENCE_MS, type Tsrun } from '../support/tsrun.ts';
import { aftermath, isAbortOfNode, outcomeProblems } from './aftermath.ts';
import type { Scene } from './scenes.ts';
import { buildStrike, type Call, type Point, showPoint, strike } from './strike.ts';

export const ERRNOS = ['ENOMEM', 'EMFILE', 'ENOSPC', 'EIO', 'EINTR'] as const;
export type Errno = (typeof ERRNOS)[number];

/** One thing that is done to one command line. */
export interface Blow {
  point: Point;
  action: string;
  detail: string;
}

export interface Finding {
  scene: string;
  blow: string;
  problems: string[];
}

/** Of one scene and one kind of blow. */
export interface Tally {
  scene: string;
  kind: string;
  points: number;
  /** The call was not made this time: two threads are not always as fast. */
  missed: number;
  /** Node itself aborted. */
  aborted: number;
  findings: Finding[];
}

/** Memory, threads and time of Node itself (and io_uring, 425 to 427): an error there is V8's and libuv's to bear, and they abort. */
const OF_NODE =
  /^(mmap|munmap|mprotect|mremap|madvise|brk|futex|rseq|set_robust_list|set_tid_address|arch_prctl|epoll_\w+|eventfd2|sched_\w+|membarrier|getrandom|clock_\w+|nanosleep|sysinfo|uname|sigaltstack|nr42[567])$/;
const NEVER_FAILS =
  /^(exit|exit_group|rt_sigreturn|getpid|gettid|getppid|getuid|geteuid|getgid|getegid|umask|clock_gettime)$/;
/** What changes nothing that outlives its caller: a kill there is as one before the next call. */
const PURE =
  /^(access|faccessat|stat|lstat|statx|newfstatat|fstat|statfs|fstatfs|readlink|readlinkat|read|readv|pread64|lseek|getdents64|getcwd|getxattr|fcntl|capget|poll|ppoll|rt_sig\w+|get\w+|clock_gettime|prctl|prlimit64|exit|exit_group)$/;

const isNodes = ({ role, name, detail }: Call): boolean => {
  if (role !== 'cli' && role !== 'cli/thread') return false;
  if (name === 'mmap') return detail !== '65536'; // the stack of a child of ours
  if (name === 'clone3') return detail === 'thread';
  return OF_NODE.test(name) || detail.startsWith('anon_inode:') || detail.startsWith('pipe:');
};

export function errnoBlows(calls: readonly Call[], errno: Errno): Blow[] {
  const number = constants.errno[errno];
  return calls
    .filter((call) => !isNodes(call) && !NEVER_FAILS.test(call.name))
    .map(({ detail, ...point }) => ({ point, detail, action: `errno:${number}` }));
}

/** The caller alone, each of the others alone, all at once. */
export function killBlows(calls: readonly Call[]): Blow[] {
  return calls
    .filter((call) => !isNodes(call) && !PURE.test(call.name))
    .flatMap(({ alive, detail, ...point }) =>
      [...alive, ...(alive.length > 1 ? ['all'] : [])].map((victim) => ({ point, detail, action: `kill:${victim}` })),
    );
}

/** Which of all blows. */
export type Width = { stride: number; roles?: readonly string[] | undefined } | { most: number };

/** Evenly spread, from one on that differs from scene to scene. */
function thin<T>(blows: readonly T[], width: Width, offset: number): T[] {
  const stride = 'stride' in width ? width.stride : Math.max(1, Math.ceil(blows.length / width.most));
  return blows.filter((_, i) => i % stride === offset % stride);
}

const TRIES = 3;

interface Heard {
  calls: Call[];
  outcome: Outcome;
}

interface Verdict {
  problems: string[];
  missed: boolean;
  aborted: boolean;
}

/** A tsrun that is struck again and again. */
export class Anvil {
  private readonly heard = new Map<Scene, Heard>();

  private constructor(
    readonly tsrun: Tsrun,
    private readonly program: string,
  ) {}

  static async open(): Promise<Anvil> {
    const tsrun = await openTsrun();
    tsrun.run(['run', '--rm', tsrun.rootfs, 'true']);
    return new Anvil(tsrun, buildStrike(tsrun.directory));
  }

  close(): Promise<void> {
    return this.tsrun.close();
  }

  private async once(scene: Scene, action: string, point?: Point) {
    await scene.prepare?.(this.tsrun);
    const known = new Set(this.tsrun.ids());
    const order = { action, patienceMs: PATIENCE_MS, ...(point ? { point } : {}) };
    return { struck: await strike(this.tsrun, this.program, scene.words(this.tsrun), order), known };
  }

  /** What the scene's command line calls, and how it ends, when nothing is struck. */
  async listen(scene: Scene): Promise<Heard> {
    const known = this.heard.get(scene);
    if (known !== undefined) return known;
    const heard = await this.listenAnew(scene);
    this.heard.set(scene, heard);
    return heard;
  }

  private async listenAnew(scene: Scene): Promise<Heard> {
    const { struck, known } = await this.once(scene, 'list');
    const problems = await aftermath(this.tsrun, scene, struck, known);
    if (problems.length > 0) throw new Error(`${scene.name}: ${problems.join('\n')}`);
    return { calls: struck.calls, outcome: struck };
  }

  /** Two threads share some of the work, and not always in the same way. */
  async blowUntilHit(scene: Scene, blow: Blow, expected: Outcome): Promise<Verdict> {
    for (let tries = 1; ; tries++) {
      const verdict = await this.blow(scene, blow, expected);
      if (!verdict.missed || verdict.problems.length > 0 || tries === TRIES) return verdict;
    }
  }

  private async blow(scene: Scene, { point, action }: Blow, expected: Outcome): Promise<Verdict> {
    const { struck, known } = await this.once(scene, action, point);
    const problems = struck.killed ? endProblems(struck) : outcomeProblems(struck, expected);
    problems.push(...(await aftermath(this.tsrun, scene, struck, known)));
    return { problems, missed: struck.hit === undefined, aborted: isAbortOfNode(struck) };
  }
}

const endProblems = ({ code, stderr }: Outcome): string[] => (code === -1 ? [`no end: ${stderr}`] : []);

/** Strikes a scene, again and again. `tell` hears of each finding at once. */
export async function sweep(
  anvils: readonly Anvil[],
  scene: Scene,
  kind: 'kill' | Errno,
  width: Width,
  tell: (line: string) => void = () => {},
): Promise<Tally> {
  const { calls, outcome } = await anvils[0]!.listen(scene);
  const all = kind === 'kill' ? killBlows(calls) : errnoBlows(calls, kind);
  const wanted = 'roles' in width && width.roles ? all.filter(({ point }) => width.roles?.includes(point.role)) : all;
  const blows = thin(wanted, width, 7 * kind.length + scene.name.length);
  const tally: Tally = { scene: scene.name, kind, points: blows.length, missed: 0, aborted: 0, findings: [] };
  const queue = [...blows];
  const work = async (anvil: Anvil): Promise<void> => {
    for (let blow = queue.shift(); blow !== undefined; blow = queue.shift()) {
      const { problems, missed, aborted } = await anvil.blowUntilHit(scene, blow, outcome);
      tally.missed += Number(missed);
      tally.aborted += Number(aborted);
      if (aborted) tell(`${scene.name}: ${showPoint(blow.point)} ${blow.action} (${blow.detail}): Node aborts`);
      if (problems.length > 0) {
        const shown = `${showPoint(blow.point)} ${blow.action} (${blow.detail})`;
        tally.findings.push({ scene: scene.name, blow: shown, problems });
        tell(`${scene.name}: ${shown}\n    ${problems.join('\n    ')}`);
      }
    }
  };
  await Promise.all(anvils.map(work));
  return tally;
}
