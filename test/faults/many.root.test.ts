import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Live, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const ALL = process.env.TSRUN_SWEEP === 'all';
/** All of it: TSRUN_SWEEP=all. */
const CYCLES = ALL ? 1000 : 10;
const STARTS = ALL ? 500 : 30;
const AT_ONCE = ALL ? 300 : 12;
/** Starts that are measured, one after the other. */
const MEASURED = 15;

const test = needs(suite('many'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** Processes that hold a file of ours, or have ended and were not waited for. */
function holders(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
        return fds.some((path) => path.startsWith(tsrun.directory)) ? [`${pid} ${command(pid)}`] : [];
      } catch {
        return []; // it has ended
      }
    });
}
const command = (pid: string): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

const mounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(tsrun.directory));

async function nothingLeft(ids: readonly string[]): Promise<void> {
  await until(
    () => `nobody to hold a file: ${holders()}`,
    () => holders().length === 0,
  );
  assert.equal([...tsrun.leftovers(ids), ...mounts()], []);
}

test(`${CYCLES} times started and stopped`, async () => {
  expectOk(tsrun.run(['create', '--name', 'cycled', tsrun.rootfs, 'sh', '-c', 'echo ready; exec sleep 600']));
  const id = tsrun.inspect('cycled', '{{.Id}}');
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const started = tsrun.spawn(['start', '-a', 'cycled']);
    await started.waitFor('ready');
    expectOk(tsrun.run(['stop', '-t', '0', 'cycled']));
    assert.is((await started.ended).code, 137, `cycle ${cycle}`);
  }
  assert.is(tsrun.inspect('cycled', '{{.State.Status}}'), 'exited');
  expectOk(tsrun.run(['rm', 'cycled']));
  await nothingLeft([id]);
});

test(`${STARTS} starts at once`, async () => {
  const script = `i=0; while [ $i -lt ${STARTS} ]; do { "$@" || echo "exit code $?"; } & i=$((i + 1)); done; wait`;
  const all = tsrun.spawn(['run', '--rm', tsrun.rootfs, 'echo', 'ok'], { through: ['sh', '-c', script, '-'] });
  const { stdout, stderr } = await all.ended;
  assert.equal([stdout, stderr], ['ok\n'.repeat(STARTS), '']);
  await nothingLeft([]);
});

/** The median, ms. */
function startTime(): number {
  const times = Array.from({ length: MEASURED }, () => {
    const begin = performance.now();
    expectOk(tsrun.run(['run', '--rm', tsrun.rootfs, 'true']));
    return performance.now() - begin;
  });
  return times.toSorted((a, b) => a - b)[MEASURED >> 1]!;
}

test(`${AT_ONCE} that run at once`, async () => {
  const alone = startTime();
  const all: Live[] = [];
  for (let i = 0; i < AT_ONCE; i++) all.push(await tsrun.container(`crowd-${i}`));
  const ids = tsrun.ids();
  assert.is(ids.length, AT_ONCE);
  assert.is(
    expectOk(tsrun.run(['ps', '-q']))
      .trim()
      .split('\n').length,
    AT_ONCE,
  );
  const among = startTime();
  console.log(`a start: ${alone.toFixed(1)} ms alone, ${among.toFixed(1)} ms with ${AT_ONCE} running`);
  for (let i = 0; i < AT_ONCE; i++) expectOk(tsrun.run(['exec', `crowd-${i}`, 'true']));
  for (let i = 0; i < AT_ONCE; i += 2) expectOk(tsrun.run(['stop', '-t', '0', `crowd-${i}`]));
  expectOk(tsrun.run(['rm', '-f', ...ids]));
  for (const { ended } of all) assert.is((await ended).code, 137);
  await nothingLeft(ids);
});

test.run();
