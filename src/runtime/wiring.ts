import { AF, O, SOCK } from '../kernel/constants.ts';
import type { Struct } from '../plan/arguments.ts';
import type { Played } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import { pipesOf, type Stdio } from '../security/types.ts';

/** A step, and where the descriptors go that it opened. */
export interface Opening {
  step: Step;
  take(played: Played): void;
}
/** Descriptors by name. */
export type Owner = Record<string, number>;
/** Whose, and under which name. */
type Place = readonly [Owner, string];

const SOCKETS = { domain: AF.AF_UNIX, type: SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC, protocol: 0 };
export const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

export function openPair(kind: 'socketpair' | 'pipe2', why: string, first: Place, second: Place): Opening {
  const both: Struct = { bytes: Buffer.alloc(8), shown: '[a, b]' };
  const made =
    kind === 'pipe2'
      ? step('pipe2', { pipefd: both, flags: O.O_CLOEXEC }, why)
      : step('socketpair', { ...SOCKETS, sv: both }, why);
  const take = (played: Played) =>
    [first, second].forEach(([owner, name], i) => {
      owner[name] = played.bytes(both).readInt32LE(i * 4);
    });
  return { step: made, take };
}

/** Steps that leave descriptors in slots: they go to the owner under the slot's name. */
export function saving(owner: Owner, steps: readonly Step[]): Opening[] {
  return steps.map((one) => ({
    step: one,
    take: (played) => {
      if (one.save !== undefined) owner[one.save] = played.value(one.save);
    },
  }));
}

const asItIs = (name: string): string => name;

/** One side is nearer to the caller, the other to the command; both as owners and the names that the ends have there. */
type Side = readonly [Owner, (name: string) => string];

function openPipes(fds: readonly number[], caller: Side, command: Side): Opening[] {
  return fds.map((fd) => {
    const name = STREAMS[fd]!;
    const places = [command, caller].map(([owner, named]): Place => [owner, named(name)]) as [Place, Place];
    if (fd !== 0) places.reverse(); // the caller reads what the command writes
    return openPair('pipe2', name, ...places);
  });
}

/** Whether a stream of it is neither a pipe nor a terminal. */
export const lacksStream = (stdio: Stdio): boolean =>
  stdio.kind !== 'terminal' && pipesOf(stdio).length < STREAMS.length;

/** How a process is connected: what is opened for that. */
export type Wiring = (ends: Owner, given: Owner) => Opening[];

/** An exec'ed process: its streams lead to the caller, who gets its terminal itself. */
export const direct =
  (stdio: Stdio): Wiring =>
  (ends, given) =>
    stdio.kind === 'terminal'
      ? [openPair('socketpair', 'where the terminal arrives', [ends, 'launcher'], [given, 'launcher'])]
      : openPipes(pipesOf(stdio), [ends, asItIs], [given, asItIs]);

/** The monitor's end of what has that name in the container, and of what leads to the client that starts it. */
export const kept = (name: string): string => `kept_${name}`;
export const clients = (name: string): string => `client_${name}`;

/** Which of its streams the client that starts a container carries. */
export interface Client {
  attached: boolean;
  /** It feeds its standard input. */
  fed: boolean;
}

const CLIENTS_TERMINAL = 'the terminal’s bytes';
const clientPipes = (fed: boolean): readonly number[] => (fed ? [0, 1, 2] : [1, 2]);

/** A client that comes later: its own ends, and those that it hands to the monitor. */
export const attaching =
  (terminal: boolean, { attached, fed }: Client): Wiring =>
  (ends, given) => {
    if (!attached) return [];
    if (terminal) return [openPair('socketpair', CLIENTS_TERMINAL, [ends, 'terminal'], [given, clients('terminal')])];
    return openPipes(clientPipes(fed), [ends, asItIs], [given, clients]);
  };

/** A container: its streams lead to its monitor, and others from there to the client that starts it, if that is attached. */
export const throughMonitor =
  (stdio: Stdio, client: Client): Wiring =>
  (ends, given) => {
    const terminal = stdio.kind === 'terminal';
    const inner = terminal
      ? [openPair('socketpair', 'where the terminal arrives', [given, kept('launcher')], [given, 'launcher'])]
      : openPipes(pipesOf(stdio), [given, kept], [given, asItIs]);
    return [...inner, ...attaching(terminal, client)(ends, given)];
  };
