import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Engine, type ExecAttachment, execInContainer, openEngine, type TsrunError } from '../../src/index.ts';
import { waitForExit } from '../../src/runtime/wait.ts';
import { openFiles } from '../plan/open-files.ts';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { until } from '../support/tsrun.ts';
import { cgroupsOf, World } from '../support/world.ts';

const test = needs(suite('held up by what runs inside'), root(), overlay(), tool('cc'));
/** As fast as a shell can: stops every process but itself and PID 1. */
const STOPPER = 'echo ready; (while :; do kill -STOP -1; done) 2>/dev/null & wait';
const MOST_TRIES = 40;
let world: World;
let engine: Engine;
let id = '';

test.before(async () => {
  world = await World.open();
  engine = openEngine({ dataRoot: world.dataRoot, runRoot: world.runRoot });
  await world.tsrun.container('stopper', `exec bash -c '${STOPPER}'`, ['--rm']);
  id = world.tsrun.inspect('stopper', '{{.Id}}');
});
test.after(() => world?.close());

const exec = (more: Partial<ExecAttachment>) =>
  execInContainer(
    engine,
    {
      container: 'stopper',
      command: ['true'],
      env: [],
      workdir: undefined,
      user: undefined,
      interactive: false,
      tty: false,
      detach: true,
      privileged: false,
    },
    { interactive: false, ...more },
  );

/** "name state" of the processes in the container besides its first and the shell that stops the others. */
function strangers(): string[] {
  const pids = readFileSync(join(cgroupsOf(id)[0]!, 'cgroup.procs'), 'utf8')
    .trim()
    .split('\n');
  const found = pids.flatMap((pid) => {
    try {
      const [, name, state] = readFileSync(`/proc/${pid}/stat`, 'utf8').match(/\((.*)\) (.)/s)!;
      return [`${name} ${state}`];
    } catch {
      return []; // it has ended meanwhile
    }
  });
  return found.filter((line) => !line.startsWith('bash '));
}
const noStranger = () =>
  until(
    () => `no process but the container’s own: ${strangers()}`,
    () => strangers().length === 0,
  );
/** Stopped where it is not yet the command. */
const isHeldUp = () => strangers().includes('tsrun-monitor T');
/** Entries of execs that have not ended. */
const going = (): string => world.tsrun.inspect('stopper', '{{json .ExecIDs}}');
const children = (): string => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');

/** The error that the first one ends with that is held up. One that gets through ends, or is stopped for good. */
async function heldUp(begin: () => ReturnType<typeof exec>): Promise<TsrunError> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    try {
      const connected = await begin();
      const exited = waitForExit(connected);
      try {
        process.kill(connected.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
      await exited;
    } catch (error) {
      return error as TsrunError;
    }
  }
  throw new Error(`none of ${MOST_TRIES} was held up`);
}

test('an exec that is stopped before its command does not stop this program, is given up, and leaves nothing', async () => {
  const before = { files: openFiles(), children: children() };
  let longest = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 10);
  const error = await heldUp(() => exec({ patienceMs: 2000 }));
  clearInterval(ticking);
  assert.is(error.code, 'ETIMEDOUT', error.stack);
  assert.match(error.message, /^exec stopper: the command was not executed within 2000 ms/);
  assert.match(error.hint ?? '', /rm -f/);
  assert.ok(longest < 1500, `the event loop stood still for ${longest} ms`);
  await noStranger();
  assert.equal({ files: openFiles(), children: children() }, before);
  assert.is(going(), 'null');
});

test('it can be called off, before it begins too', async () => {
  const before = { files: openFiles(), children: children() };
  const called = await heldUp(async () => {
    const stop = new AbortController();
    const looking = setInterval(() => isHeldUp() && stop.abort(), 10);
    return exec({ stop: stop.signal }).finally(() => clearInterval(looking));
  });
  assert.is(called.code, 'ECANCELED', called.stack);
  const early = await exec({ stop: AbortSignal.abort() }).catch((error: TsrunError) => error);
  assert.is((early as TsrunError).code, 'ECANCELED');
  await noStranger();
  assert.equal({ files: openFiles(), children: children() }, before);
  assert.is(going(), 'null');
});

test('^C ends a command line that waits for it', async () => {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const running = world.tsrun.spawn(['exec', 'stopper', 'true']);
    let over = false;
    const ended = running.ended.finally(() => {
      over = true;
    });
    await until('the end, or a stop', () => over || strangers().some((line) => line.endsWith(' T')));
    const inTime = isHeldUp();
    running.child.kill(inTime ? 'SIGINT' : 'SIGKILL'); // its command was stopped instead: the relay's to tell
    const { code } = await ended;
    if (inTime) {
      assert.is(code, 130);
      assert.is(going(), 'null');
      return noStranger();
    }
    for (const pid of readFileSync(join(cgroupsOf(id)[0]!, 'cgroup.procs'), 'utf8')
      .trim()
      .split('\n'))
      if (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'true\n') process.kill(Number(pid), 'SIGKILL');
    await noStranger();
  }
  throw new Error(`none of ${MOST_TRIES} was held up`);
});

test.run();
