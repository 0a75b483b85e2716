import { closeSync } from 'node:fs';
import { SyscallError } from '../errors/syscall-error.ts';
import { TsrunError } from '../errors/tsrun-error.ts';
import { AF, AT, O, SOCK } from '../kernel/constants.ts';
import { CONTROL, HELLO, PROTOCOL_VERSION } from '../kernel/protocol.ts';
import { type Struct, slot } from '../plan/arguments.ts';
import { playSome } from '../plan/play.ts';
import { type Step, step } from '../plan/step.ts';
import type { ControlMessage } from './control.ts';
import { type Ends, openAll } from './descriptors.ts';
import { firstWord } from './first-word.ts';
import { SOCKET_NAME } from './monitor-plan.ts';
import { attaching, type Client, clients } from './wiring.ts';

const PATIENCE_MS = 10_000;
const BLOCKING_MS = 20;
const EAGAIN = 11;
const NONE = -1;
/** There is no such socket, or nobody listens to it any more. */
const NOBODY = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ECONNRESET', 'EPIPE'];

/**
 * Becomes a client of a container's monitor: with its streams, or, not attached, only to hear how it ends.
 * @param run the directory of the container's run
 * @param terminal whether the container has one
 * @returns undefined when no monitor is there (any more) @throws TsrunError when it does not answer, or refuses
 */
export async function connectToMonitor(
  goal: string,
  run: string,
  terminal: boolean,
  client: Client,
): Promise<Ends | undefined> {
  const { ends, given, closeTheirs, closeAll } = openAll(goal, attaching(terminal, client));
  const { played, error } = playSome(goal, helloSteps(run, streamsOf(terminal, client), given), given);
  const control = played.value('control');
  closeTheirs();
  if (played.value('run') > 0) closeSync(played.value('run'));
  if (control > 0) ends.control = control;
  try {
    if (error !== undefined) throw error;
    const word = await firstWord(control, { patienceMs: PATIENCE_MS, blockingMs: BLOCKING_MS });
    if (word !== undefined && isWelcome(goal, word)) return ends as unknown as Ends;
  } catch (failure) {
    closeAll();
    if (failure instanceof SyscallError && NOBODY.includes(failure.code ?? '')) return undefined;
    throw failure;
  }
  closeAll();
  return undefined;
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
  const type = SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC;
  const directory = { dirfd: AT.AT_FDCWD, pathname: run, flags: O.O_PATH | O.O_DIRECTORY | O.O_CLOEXEC, mode: 0 };
  const sent = { socket: slot('control'), message, input, output: fd('stdout'), errors: fd('stderr') };
  return [
    step('openat', directory, 'where its socket is', { save: 'run' }),
    step('socket', { domain: AF.AF_UNIX, type, protocol: 0 }, 'to its monitor', { save: 'control' }),
    step('connect_at', { socket: slot('control'), dirfd: slot('run'), name: SOCKET_NAME }, 'its monitor'),
    step('send_message', sent, 'who we are, and where what it writes is to go'),
  ];
}

function isWelcome(goal: string, word: ControlMessage | 'late' | 'stopped'): boolean {
  if (word === 'late' || word === 'stopped')
    throw new TsrunError('system', `${goal}: the monitor of this container does not answer`, {
      code: 'ETIMEDOUT',
      hint: 'is it stopped (kill -STOP)? `tsrun rm -f` ends it with its container',
    });
  if (word.type === CONTROL.welcome) return true;
  if (word.type === CONTROL.exited) return false;
  throw new TsrunError('conflict', `${goal}: the monitor of this container refused`, {
    code: word.value === EAGAIN ? 'EAGAIN' : 'EPROTO',
    hint:
      word.value === EAGAIN
        ? 'it has as many clients as it can serve'
        : 'it is of another version of tsrun: start the container again',
  });
}
