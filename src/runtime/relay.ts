import { CLONE, F } from '../kernel/constants.ts';
import { monitorPath } from '../kernel/library.ts';
import { CONTROL, FD_CONTROL } from '../kernel/protocol.ts';
import { type SlotRef, type Struct, slot } from '../plan/arguments.ts';
import { play } from '../plan/play.ts';
import { ANY, type Step, type StepOptions, step } from '../plan/step.ts';
import { becomeSteps } from './become.ts';
import type { Ends } from './descriptors.ts';
import type { Connected } from './launch.ts';

/** What a relay needs of who is connected. */
export type Carrying = Ends & Pick<Connected, 'interactive' | 'monitored'>;

const SIG_SETMASK = 2;
const OWN_FAILURE = 125;
/** struct control that asks the monitor for a SIGKILL. */
const KILL = String.fromCharCode(CONTROL.signal, 0, 0, 0, 9, 0, 0, 0);
const NO_RELAY = 'tsrun: become the relay: tsrun-monitor could not be executed: what was started is ended\n';
const LAST_WORD: Struct = { bytes: Buffer.alloc(CONTROL.bytes), shown: 'EXITED' };
const ALL_SIGNALS: Struct = { bytes: Buffer.alloc(8, 0xff), shown: '~[]' };
const ENDS = ['control', 'terminal', 'stdin', 'stdout', 'stderr'] as const;
const STREAM_PLACES = { stdin: FD_CONTROL + 1, stdout: FD_CONTROL + 2, stderr: FD_CONTROL + 3 };
const TERMINAL_PLACE = FD_CONTROL + 1;

/** The caller's end of what has that name at both. */
const ours = (name: string): string => `our_${name}`;

/** The caller's ends, as slots for relayPlan. */
export function relaySlots(ends: Partial<Ends>): Record<string, number> {
  const slots: Record<string, number> = {};
  for (const name of ENDS) if (ends[name] !== undefined) slots[ours(name)] = ends[name];
  return slots;
}

/** What the relay carries, and how (native/relay.c). */
export interface Carried {
  terminal: boolean;
  interactive: boolean;
  /** The other end is a container's monitor, not an exec'ed process. */
  monitored: boolean;
  /** How a client behaves. */
  manners?: ClientManners | undefined;
}

/** Of who carries the streams of a container. */
export interface ClientManners {
  /** Codes of the keys that detach, with a terminal; none unless said. */
  detachKeys?: readonly number[] | undefined;
  /** Its signals are not the container's. */
  keepsSignals?: boolean | undefined;
  /** It comes when the container has drawn already. */
  late?: boolean | undefined;
}

function letters({ terminal, interactive, monitored, manners }: Carried): string {
  const all = { t: terminal, i: interactive, m: monitored, s: manners?.keepsSignals, r: manners?.late };
  return Object.entries(all)
    .filter(([, said]) => said)
    .map(([letter]) => letter)
    .join('');
}

/**
 * The command line has nothing left to decide: it becomes the relay, a few kilobytes instead of a Node process, which carries bytes
 * and signals and exits with the container's code.
 */
export function relayPlan(carried: Carried): Step[] {
  const streams = Object.entries(STREAM_PLACES).filter(([name]) => name !== 'stdin' || carried.interactive);
  const placed: Record<string, number> = {
    [ours('control')]: FD_CONTROL,
    ...(carried.terminal
      ? { [ours('terminal')]: TERMINAL_PLACE }
      : Object.fromEntries(streams.map(([name, place]) => [ours(name), place]))),
  };
  const share = step('share_memory', {}, 'Node’s memory is given back by a child, while the relay is at work already');
  const keys = carried.manners?.detachKeys ?? [];
  const words = ['relay', letters(carried), ...(keys.length > 0 ? [keys.join(',')] : [])];
  return [
    step(
      'unshare',
      { flags: CLONE.CLONE_FILES },
      'descriptors of its own from here on: threads of Node wait on theirs until the exec, and abort when one is gone',
    ),
    // Node marks them close-on-exec.
    ...[0, 1, 2].map((fd) => step('fcntl', { fd, cmd: F.F_SETFD, arg: 0 }, 'keep standard input and output')),
    step(
      'rt_sigprocmask',
      { how: SIG_SETMASK, set: ALL_SIGNALS, oldset: null, sigsetsize: 8 },
      'none may end us before the relay waits for them',
    ),
    ...orEnd(becomeSteps({ path: monitorPath() }, words, placed, [share])),
  ];
}

/**
 * When the last of the steps, which executes, fails, or one of those that put descriptors in their places, Node's are gone, and all
 * signals are blocked: nothing of it can go on, and whoever waited for the container would wait for ever. So what was started is ended
 * here.
 */
function orEnd(steps: Step[]): Step[] {
  const last = steps.pop();
  const write = (fd: number | SlotRef, buf: string, why: string) =>
    step('write', { fd, buf, count: buf.length }, why, { ignoreErrors: true });
  const hear = (fd: number | SlotRef, why: string, options: StepOptions) =>
    step('read', { fd, buf: LAST_WORD, count: LAST_WORD.bytes.length }, why, options);
  // From the first that takes a number of Node's on there is no way back.
  const first = steps.findIndex(({ name }) => name === 'dup3');
  const atOnce = steps.map((one, i) => (i < first ? one : { ...one, expect: { [ANY]: steps.length - i } }));
  return [
    ...atOnce,
    ...(last === undefined ? [] : [{ ...last, expect: { [ANY]: 0 } }]),
    write(slot(`${ours('control')}'`), KILL, 'without a relay it is to end'),
    write(FD_CONTROL, KILL, 'the same, where it may be by now'),
    // Not its monitor's end: threads of Node hold the pipes open that it waits for us to read.
    hear(slot(`${ours('control')}'`), 'and to be cleaned up after: its monitor says so', {
      expect: { [ANY]: 0 },
      thenSkip: 1,
    }),
    hear(FD_CONTROL, 'the same, where it may be by now', { ignoreErrors: true }),
    write(2, NO_RELAY, 'why'),
    step('exit', { status: OWN_FAILURE }, 'Node cannot go on'),
  ];
}

/** Becomes the relay of what was started, or of what it is connected to. Does not return. */
export function becomeRelay(goal: string, connected: Carrying, manners?: ClientManners): never {
  const { terminal, interactive, monitored } = connected;
  play(goal, relayPlan({ terminal: terminal !== undefined, interactive, monitored, manners }), relaySlots(connected));
  throw new Error('unreachable: execve returned');
}
