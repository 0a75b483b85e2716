import { closeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { AF, AT, O, SOCK } from '../kernel/constants.ts';
import { CONTROL, HELLO, PROTOCOL_VERSION } from '../kernel/protocol.ts';
import { type Struct, slot } from '../plan/arguments.ts';
import { playSome } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import type { ControlMessage } from './control.ts';
import { type Ends, openAll } from './descriptors.ts';
import { firstWord } from './first-word.ts';
import { SOCKET_NAME } from './monitor-plan.ts';
import { attaching, type Client, clients, type Owner } from './wiring.ts';

const PATIENCE_MS = 10_000;
const BLOCKING_MS = 20;
const AGAIN_MS = 20;
const NONE = -1;
/** There is no such socket, or nobody listens to it any more. */
const NOBODY = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ECONNRESET', 'EPIPE'];

/** What became of an attempt to connect: no monitor is there (any more), or it told the container's exit code at once. */
export type Connection = { ends: Ends } | { exited: number } | undefined;

/**
 * Becomes a client of a container's monitor: with its streams, or, not attached, only to hear how it ends.
 * @param run the directory of the container's run
 * @param terminal whether the container has one
 * @throws TsrunError when it does not answer ('ETIMEDOUT'), or refuses
 */
export async function connectToMonitor(
  goal: string,
  run: string,
  terminal: boolean,
  client: Client,
): Promise<Connection> {
  const { ends, given, closeTheirs, closeAll } = openAll(goal, attaching(terminal, client));
  try {
    ends.control = await greet(goal, helloSteps(run, streamsOf(terminal, client), given), given);
    closeTheirs();
    const word = await firstWord(ends.control, { patienceMs: PATIENCE_MS, blockingMs: BLOCKING_MS });
    const welcome = understand(goal, word);
    if (welcome === 'welcome') return { ends: ends as unknown as Ends };
    closeAll();
    return welcome;
  } catch (failure) {
    closeAll();
    if (failure instanceof SyscallError && NOBODY.includes(failure.code ?? '')) return undefined;
    throw failure;
  }
}

/** Returns the control socket. When as many wait as the kernel lets wait, tries again: it never waits for one who accepts none. */
async function greet(goal: string, steps: Step[], given: Owner): Promise<number> {
  const deadline = monotonicMs() + PATIENCE_MS;
  for (;;) {
    const { played, error } = playSome(goal, steps, given);
    if (played.value('run') > 0) closeSync(played.value('run'));
    if (error === undefined) return played.value('control');
    if (played.value('control') > 0) closeSync(played.value('control'));
    if (!(error instanceof SyscallError && error.code === 'EAGAIN')) throw error;
    if (monotonicMs() > deadline) throw noAnswer(goal);
    await setTimeout(AGAIN_MS);
  }
}

function streamsOf(terminal: boolean, { attached, fed }: Client): number {
  if (!attached) return 0;
  return terminal ? HELLO.terminal : HELLO.output | HELLO.errors | (fed ? HELLO.input : 0);
}

function helloSteps(run: string, streams: number, given: Readonly<Record<string, number>>): Step[] {
  const message: Struct = {
    bytes: Buffer.alloc(CONTROL.bytes),
    shown: `{HELLO, 0x${(PROTOCOL_VERSION | streams).toString(16)}}`,
  };
  message.bytes.writeUInt32LE(CONTROL.hello);
  message.bytes.writeInt32LE(PROTOCOL_VERSION | streams, 4);
  const fd = (name: string) => (given[clients(name)] === undefined ? NONE : slot(clients(name)));
  const input = given[clients('terminal')] === undefined ? fd('stdin') : fd('terminal');
  const type = SOCK.SOCK_STREAM | SOCK.SOCK_NONBLOCK | SOCK.SOCK_CLOEXEC;
  const directory = { dirfd: AT.AT_FDCWD, pathname: run, flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 };
  const sent = { socket: slot('control'), message, input, output: fd('stdout'), errors: fd('stderr') };
  return [
    step('openat', directory, 'where its socket is', { save: 'run' }),
    step('socket', { domain: AF.AF_UNIX, type, protocol: 0 }, 'to its monitor', { save: 'control' }),
    step('connect_at', { socket: slot('control'), dirfd: slot('run'), name: SOCKET_NAME }, 'its monitor'),
    step('send_message', sent, 'who we are, and where what it writes is to go', {
      expect: { EPIPE: 0, ECONNRESET: 0 }, // it has spoken first, and hung up
    }),
  ];
}

function noAnswer(goal: string): TsrunError {
  return new TsrunError('system', `${goal}: the monitor of this container does not answer`, {
    code: 'ETIMEDOUT',
    hint: 'is it stopped (kill -STOP)? `tsrun rm -f` ends it with its container',
  });
}

const REFUSALS: Record<number, [code: string, hint: string]> = {
  11: ['EAGAIN', 'it has as many clients as it can serve'],
  24: ['EMFILE', 'it has no file descriptor left: see `ulimit -n` where the container was started'],
};
const OTHER_VERSION = ['EPROTO', 'it is of another version of tsrun: start the container again'] as const;

function understand(goal: string, word: ControlMessage | 'late' | 'stopped' | undefined): 'welcome' | Connection {
  if (word === 'late' || word === 'stopped') throw noAnswer(goal);
  if (word === undefined) return undefined;
  if (word.type === CONTROL.welcome) return 'welcome';
  if (word.type === CONTROL.exited) return { exited: word.value };
  const [code, hint] = REFUSALS[word.value] ?? OTHER_VERSION;
  throw new TsrunError('conflict', `${goal}: the monitor of this container refused`, { code, hint });
}
