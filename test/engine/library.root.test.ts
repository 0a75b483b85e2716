import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BindMount, ExecOptions } from '../../src/engine/run-options.ts';
import {
  type Engine,
  type ExecAttachment,
  execInContainer,
  type LiveContainer,
  openEngine,
  type RunRequest,
  run,
  TsrunError,
  waitForExit,
} from '../../src/index.ts';
import { openFiles } from '../plan/open-files.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { treeState, withoutEvents } from '../support/tree-state.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('the library'), root(), overlay());
let tsrun: Tsrun;
let engine: Engine;
test.before(async () => {
  tsrun = await openTsrun();
  engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const first = start(['true']);
  await first.exited;
  await first[Symbol.asyncDispose](); // or its streams are collected some time later
});
test.after(() => tsrun.close());

const state = (): string => withoutEvents(treeState(tsrun.directory, { times: false }));
const start = (command: string[], more: Partial<RunRequest> = {}): LiveContainer =>
  run(engine, { rootfs: tsrun.rootfs, command, ...more });

const exec = (container: string, command: string[], more: Partial<ExecAttachment> = {}) =>
  execInContainer(
    engine,
    {
      container,
      command,
      env: [],
      workdir: undefined,
      user: undefined,
      interactive: false,
      tty: false,
      detach: true,
      privileged: false,
    } satisfies ExecOptions,
    { interactive: false, ...more },
  );

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

/** Children of this process that have ended and that nobody has waited for. */
function zombies(): string[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.filter((pid) => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
}

const refused: [what: string, request: Partial<RunRequest>][] = [
  ['a name that leads out', { name: '../../evil' }],
  [
    'a directory of the host as /proc',
    {
      mounts: [
        {
          type: 'bind',
          source: '/tmp',
          target: '/proc',
          readonly: false,
          propagation: undefined,
          nonRecursive: false,
          readonlyRecursive: false,
          createSource: false,
        } satisfies BindMount,
      ],
    },
  ],
];
for (const [what, request] of refused)
  test(`names/ids as paths: ${what} is refused by run(), too`, () => {
    const before = state();
    assert.throws(
      () => start(['true'], request),
      (error: unknown) => error instanceof TsrunError && error.kind === 'usage',
    );
    assert.is(state(), before);
  });

test('tty: a stream in both directions, which ends with the container', async () => {
  const files = openFiles();
  const live = start(['sh', '-c', 'tty; read line; echo "got $line"; exit 3'], { tty: true, interactive: true });
  assert.is(live.stderr, undefined);
  live.stdout.write('hello\r');
  const text = await textOf(live.stdout); // the echo of `hello` comes before or after the first line
  assert.ok(text.includes('/dev/pts/0\r\n') && text.endsWith('got hello\r\n'), JSON.stringify(text));
  assert.is(await live.exited, 3);
  await live[Symbol.asyncDispose]();
  assert.equal(openFiles(), files);
});

test('tty: nothing is lost of what the terminal holds when the command ends', async () => {
  const live = start(['bash', '-c', 'printf "%012000d" 7'], { tty: true });
  await live.exited;
  const text = await textOf(live.stdout);
  assert.is(text.length, 12_000); // three times what a read of a pty gives at once
  assert.ok(text.endsWith('07'));
});

test('tty: a container that reads nothing holds up the writer, not the program', async () => {
  const live = start(['sleep', '600'], { tty: true, interactive: true });
  live.stdout.resume();
  const lines = '0123456789\r'.repeat(200_000); // far more than a pty and a socket take
  const written = new Promise<boolean>((resolve) => live.stdout.write(lines, () => resolve(true)));
  const turn = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100));
  assert.is(await Promise.race([written, turn]), false);
  await live[Symbol.asyncDispose]();
  assert.is(await live.exited, 137);
});

test('tty: what is written at once arrives whole and in order', async () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `${String(i).padStart(9, '0')}\n`).join('');
  const script = `stty raw -echo; echo ready; read -r -N ${lines.length} text; printf %s "$text"`;
  const live = start(['bash', '-c', script], { tty: true, interactive: true });
  const reading = textOf(live.stdout);
  await new Promise((resolve) => live.stdout.once('data', resolve));
  for (const [from, to] of [[0, 30_000], [30_000, 30_001], [30_001]]) live.stdout.write(lines.slice(from, to));
  assert.is(await reading, `ready\n${lines}`);
  assert.is(await live.exited, 0);
});

test('tty: disposed of while it runs', async () => {
  const files = openFiles();
  const live = start(['sleep', '600'], { tty: true });
  await live[Symbol.asyncDispose]();
  assert.is(await live.exited, 137);
  assert.equal(openFiles(), files);
  assert.equal(tsrun.ids(), []);
});

test('kill reaches the container, and once it has ended it does nothing', async () => {
  const live = start(['sleep', '600']);
  live.kill('SIGINT'); // PID 1 has no handler for it
  live.kill('SIGKILL');
  assert.is(await live.exited, 137);
  live.kill('SIGTERM');
});

test('no zombie of a failed exec', async () => {
  const live = start(['sleep', '600'], { name: 'target' });
  for (const command of [['/no/such'], ['/etc/passwd']])
    await exec('target', command).then(
      () => assert.unreachable(),
      (error: TsrunError) => assert.ok([126, 127].includes(error.exitCode)),
    );
  assert.equal(zombies(), []);
  await live[Symbol.asyncDispose]();
  assert.equal(zombies(), []);
});

test('no zombie nor process of a container that could not be recorded', () => {
  const before = state();
  // The pidfile is written when all runs.
  assert.throws(() => start(['sleep', '600'], { pidfile: '/proc/nonsuch/pid' }), /ENOENT/);
  assert.equal(zombies(), []);
  assert.is(state(), before);
});

test('no zombie of the trial that explains a failed overlay', async () => {
  const { explainOverlayFailure } = await import('../../src/engine/overlay-check.ts');
  const { blame } = await import('../../src/plan/blame.ts');
  const { step } = await import('../../src/plan/step.ts');
  const mount = { source: 'overlay', target: '/m', filesystemtype: 'overlay', mountflags: 0, data: '' };
  const error = blame('run', step('mount', mount, 'layers'), 22, 0);
  assert.is(explainOverlayFailure(engine, error), error, 'this file system can carry one');
  assert.equal(zombies(), []);
});

test('exec: the end of a command that has ended before its start was heard of is not swallowed', async () => {
  await using live = start(['sleep', '60']);
  for (let i = 0; i < 40; i++)
    assert.is(await waitForExit(await exec(live.id, ['sh', '-c', 'exit 3'], { blockingMs: 0 })), 3);
});

test.run();
