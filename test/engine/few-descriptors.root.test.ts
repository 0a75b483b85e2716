import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Engine, execInContainer, type LiveContainer, openEngine, type RunRequest, run } from '../../src/index.ts';
import { RLIMIT } from '../../src/kernel/constants.ts';
import { play } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import { openFiles } from '../plan/open-files.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { namesOfRuns, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('few descriptors'), root(), overlay());
const SOFT_LIMIT = 192;
/** A start takes forty and some. */
let last = '';
const FREE = Array.from({ length: 60 }, (_, i) => i);
let tsrun: Tsrun;
let engine: Engine;
let target: LiveContainer;

test.before(async () => {
  tsrun = await openTsrun();
  engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  target = start(['sleep', '600'], { name: 'target' });
  const live = start(['true'], { tty: true, init: true });
  await live.exited; // all that is loaded once has been
  await live[Symbol.asyncDispose]();
  await exec().catch(() => {});
  limit(SOFT_LIMIT);
});
test.after(async () => {
  limit(4096);
  await target?.[Symbol.asyncDispose]();
  await tsrun?.close();
});

function limit(soft: number): void {
  const hard = BigInt(readFileSync('/proc/self/limits', 'utf8').match(/Max open files\s+\d+\s+(\d+)/)![1]!);
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(soft));
  bytes.writeBigUInt64LE(hard, 8);
  const both = { bytes, shown: `[${soft}]` };
  const args = { pid: 0, resource: RLIMIT.nofile, new_limit: both, old_limit: null };
  play('test', [step('prlimit64', args, 'test')]);
}

const start = (command: string[], more: Partial<RunRequest> = {}): LiveContainer =>
  run(engine, { rootfs: tsrun.rootfs, command, ...more });

const exec = () =>
  execInContainer(
    engine,
    {
      container: 'target',
      command: ['true'],
      env: [],
      workdir: undefined,
      user: undefined,
      interactive: false,
      tty: false,
      detach: true,
      privileged: false,
    },
    { interactive: false },
  );

/** All descriptors taken but that many. @returns what gives them back */
function leave(free: number): () => void {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, 'EMFILE');
  }
  if (free > 0) for (const fd of taken.splice(-free)) closeSync(fd);
  return () => taken.forEach((fd) => closeSync(fd));
}

const entries = (): string[] =>
  ['containers', 'names', 'overlay2', 'overlay2/l']
    .flatMap((name) => readdirSync(join(tsrun.dataRoot, name)))
    .concat(namesOfRuns(tsrun.runRoot))
    .toSorted();
const children = (): string => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');

/** Tries with none free, then one, …; says how many tries failed. */
async function sweep(attempt: () => Promise<void>): Promise<number> {
  const before = { files: openFiles(), entries: entries(), children: children() };
  let failed = 0;
  for (const free of FREE) {
    const giveBack = leave(free);
    let problem = 'none';
    try {
      await attempt();
    } catch (error) {
      failed++;
      last = problem = (error as Error).stack ?? '';
      assert.match(problem, /EMFILE|F_DUPFD/, `${free} free: ${problem}`);
    } finally {
      giveBack();
    }
    assert.equal({ files: openFiles(), entries: entries(), children: children() }, before, `${free} free: ${problem}`);
  }
  return failed;
}

const kinds: [string, Partial<RunRequest>][] = [
  ['a plain one', {}],
  ['a terminal', { tty: true }],
  ['with --init and input', { init: true, interactive: true }],
  ['kept, then removed', { remove: false }],
];
for (const [what, request] of kinds)
  test(`too few descriptors for a start leave none open, no directory, no process: ${what}`, async () => {
    const failed = await sweep(async () => {
      const live = start(['true'], request);
      assert.is(await live.exited, 0);
      await live[Symbol.asyncDispose]();
      if (request.remove !== false) return;
      assert.is(tsrun.run(['rm', live.id]).code, 0);
    });
    assert.ok(failed > 5 && failed < FREE.length, `${failed} of ${FREE.length} failed: ${last}`);
  });

test('too few descriptors for an exec leave none open, and no process', async () => {
  const failed = await sweep(async () => {
    const connected = await exec();
    closeSync(connected.control);
    await until('its monitor’s end', () => {
      play('test', [step('waitid', { idtype: 1, id: connected.monitor, infop: null, options: 4 }, 'test')]);
      return true;
    });
  });
  assert.ok(failed > 3 && failed < FREE.length, `${failed} of ${FREE.length} failed`);
});

test.run();
