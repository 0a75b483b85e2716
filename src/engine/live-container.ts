import { Socket } from 'node:net';
import { constants } from 'node:os';
import { abandon } from '../runtime/abandon.ts';
import { type Followed, follow } from '../runtime/wait.ts';
import type { Engine } from './engine.ts';
import { DEFAULT_LOG } from './options/parse-log.ts';
import { NO_RESTART } from './options/parse-restart.ts';
import { runContainer } from './run.ts';
import type { RunOptions } from './run-options.ts';

/** A running container that this program started and is connected to. `await using` ends it when the program is done with it. */
export class LiveContainer implements AsyncDisposable {
  readonly id: string;
  readonly name: string;
  /** Of the container's first process, in the caller's PID namespace. */
  readonly pid: number;
  /** With a terminal: both directions of it, `end()` types ^D. Else what the command prints. */
  readonly stdout: Socket;
  /** Without a terminal only. */
  readonly stderr: Socket | undefined;
  /** With `interactive`; `end()` is the end of the command's input. */
  readonly stdin: Socket | undefined;
  /** From the first system call of the plan to the command's exec, in ns. */
  readonly launchNs: number;
  /** Resolves to the exit code (128+n for a signal) when the command has ended and what it left has been cleaned up. */
  readonly exited: Promise<number>;
  readonly #monitor: Followed;

  constructor(started: ReturnType<typeof runContainer>) {
    const { id, name, pid, terminal, stdin, stdout, stderr, launchNs } = started;
    this.id = id;
    this.name = name;
    this.pid = pid;
    this.launchNs = launchNs;
    this.stdout =
      terminal === undefined
        ? new Socket({ fd: stdout ?? -1, readable: true, writable: false })
        : new Socket({ fd: terminal, readable: true, writable: true });
    this.stderr = stderr === undefined ? undefined : new Socket({ fd: stderr, readable: true, writable: false });
    this.stdin = stdin === undefined ? undefined : new Socket({ fd: stdin, readable: false, writable: true });
    this.#monitor = follow(started);
    this.exited = this.#monitor.exited;
    if (terminal !== undefined) this.stdout.on('error', ignoreLateTyping);
    (this.stdin ?? this.stdout).once('finish', () => this.#monitor.endInput());
    this.stdout.once('close', () => this.#monitor.endOutput(1));
    this.stderr?.once('close', () => this.#monitor.endOutput(2));
  }

  /** Sends a signal to the container's first process, by the monitor's pidfd: never to another process. */
  kill(signal: keyof typeof constants.signals = 'SIGTERM'): void {
    this.#monitor.signal(constants.signals[signal]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream?.destroy();
  }
}

/** Typed when the container has ended: what it wrote is read to its end all the same. */
function ignoreLateTyping(this: Socket, error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET' && this.listenerCount('error') === 1) throw error;
}

const DEFAULTS: Omit<RunOptions, 'rootfs' | 'command'> = {
  entrypoint: undefined,
  remove: true,
  name: undefined,
  hostname: undefined,
  env: [],
  workdir: undefined,
  user: undefined,
  interactive: false,
  tty: false,
  init: false,
  readOnly: false,
  mounts: [],
  extraHosts: [],
  dns: { servers: [], search: [], options: [] },
  labels: new Map(),
  capAdd: [],
  capDrop: [],
  privileged: false,
  ulimits: [],
  stopSignal: undefined,
  stopTimeout: undefined,
  cidfile: undefined,
  pidfile: undefined,
  network: 'host',
  restart: NO_RESTART,
  log: DEFAULT_LOG,
  health: undefined,
};

export type RunRequest = Pick<RunOptions, 'rootfs' | 'command'> & Partial<RunOptions>;

/**
 * Starts a container from a Node program: no daemon, no child process of Node's. Removed when it has ended unless `remove` is false.
 * Blocks the event loop until the command has been executed, about two milliseconds.
 * @throws TsrunError, SyscallError
 */
export function run(engine: Engine, request: RunRequest): LiveContainer {
  const options: RunOptions = { ...DEFAULTS, ...request };
  const started = runContainer(engine, options, { interactive: options.interactive });
  try {
    return new LiveContainer(started);
  } catch (error) {
    abandon(started); // nobody would ever have a handle on it
    throw error;
  }
}
