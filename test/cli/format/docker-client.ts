import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one run of the docker client printed, as bytes. */
export interface DockerRun {
  readonly ok: boolean;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The installed docker client in front of an API of our own making. */
export interface FakeDocker {
  run(args: readonly string[]): Promise<DockerRun>;
  /** All runs, a few at a time. */
  runAll(commands: readonly (readonly string[])[]): Promise<DockerRun[]>;
  close(): Promise<void>;
}

const PARALLEL = 4;

/** The client's major version, or undefined when there is none. */
export function dockerVersion(): number | undefined {
  const { stdout } = spawnSync('docker', ['--version'], {
    encoding: 'utf8',
    timeout: 15_000,
    env: environment(join(tmpdir(), 'none')),
  });
  const major = /version ([0-9]+)\./.exec(stdout ?? '')?.[1];
  return major === undefined ? undefined : Number(major);
}

function environment(config: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '', HOME: config, DOCKER_CONFIG: config, TZ: 'UTC' };
}

function docker(args: readonly string[], config: string): Promise<DockerRun> {
  const options = {
    env: environment(config),
    encoding: 'buffer',
    timeout: 15_000,
    maxBuffer: 16 * 1024 * 1024,
  } as const;
  return new Promise((resolve) => {
    execFile('docker', args, options, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, stderr: stderr.toString() });
    });
  });
}

function serve(container: string, list: string, events: string): Server {
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    response.setHeader('Api-Version', '1.50');
    response.setHeader('Ostype', 'linux');
    if (path.endsWith('/_ping')) return void response.end('OK');
    response.setHeader('Content-Type', 'application/json');
    if (path.endsWith('/containers/json')) return void response.end(list);
    if (path.endsWith('/events')) return void response.end(events);
    if (/\/containers\/[^/]+\/json$/.test(path)) return void response.end(container);
    response.statusCode = 404;
    response.end('{"message":"page not found"}');
  });
}

/** Serves one container's JSON, the list of containers and events, a line each, on a socket in a directory of its own. */
export async function fakeDocker(container: unknown, list: unknown, events = ''): Promise<FakeDocker> {
  const directory = await mkdtemp(join(tmpdir(), 'tsrun-docker-'));
  const socket = join(directory, 'docker.sock');
  const server = serve(JSON.stringify(container), JSON.stringify(list), events);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const run = (args: readonly string[]) => docker(['-H', `unix://${socket}`, ...args], directory);
  return {
    run,
    async runAll(commands) {
      const runs: DockerRun[] = [];
      const queue = commands.entries();
      const work = async () => {
        for (const [index, command] of queue) runs[index] = await run(command);
      };
      await Promise.all(Array.from({ length: PARALLEL }, work));
      return runs;
    },
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}
