import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAlive, processBirth } from '../../src/kernel/procfs.ts';
import type { ExecEntry } from '../../src/store/exec-entry.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';
import { cgroupsOf } from '../support/world.ts';

const test = needs(suite('many execs at once'), root(), overlay());
const MANY = 100;
const DETACHED = 20;
let tsrun: Tsrun;
let id = '';
test.before(async () => {
  tsrun = await openTsrun();
  expectOk(tsrun.run(['run', '-d', '--name', 'busy', tsrun.rootfs, 'sleep', '600']));
  id = tsrun.inspect('busy', '{{.Id}}');
});
test.after(() => tsrun?.close());

const entries = (): ExecEntry[] => {
  const directory = join(tsrun.runRoot, id, 'exec');
  return readdirSync(directory).map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')));
};
const members = (): string[] =>
  readFileSync(join(cgroupsOf(id)[0]!, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean);
/** Of the container's monitor: descriptors, children. */
const monitor = (): number => JSON.parse(readFileSync(join(tsrun.runRoot, id, 'state.json'), 'utf8')).monitor.pid;
const openOf = (pid: number): string[] => readdirSync(`/proc/${pid}/fd`);
const childrenOf = (pid: number): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');

test(`${MANY} at once: each gets its own output and exit code, and nothing is left of any`, async () => {
  const [open, children] = [openOf(monitor()), childrenOf(monitor())];
  const execs = Array.from({ length: MANY }, (_, i) =>
    tsrun.spawn(['exec', 'busy', 'sh', '-c', `echo out ${i}; echo err ${i} >&2; exit ${i}`]),
  );
  const outcomes = await Promise.all(execs.map(({ ended }) => ended));
  const wanted = outcomes.map((_, i) => ({ code: i, stdout: `out ${i}\n`, stderr: `err ${i}\n` }));
  assert.equal(outcomes, wanted);
  assert.equal(members().length, 1, 'PID 1 alone');
  const all = entries();
  assert.is(all.length, MANY);
  assert.equal(
    all.map(({ exitCode }) => exitCode).toSorted((a, b) => a! - b!),
    wanted.map(({ code }) => code),
  );
  for (const { monitor: its, pid, startTime } of all) {
    assert.is.not(processBirth(its!.pid)?.startTime, its!.startTime, 'its monitor has ended, and is no zombie');
    assert.is.not(processBirth(pid!)?.startTime, startTime, 'nor is it');
  }
  assert.equal([openOf(monitor()), childrenOf(monitor())], [open, children]);
});

test('the container ends below them: nothing is left of it', async () => {
  for (let i = 0; i < DETACHED; i++) expectOk(tsrun.run(['exec', '-d', 'busy', 'sleep', '600']));
  const running: string[] = JSON.parse(tsrun.inspect('busy', '{{json .ExecIDs}}'));
  assert.is(running.length, DETACHED);
  const monitors = entries().filter((one) => running.includes(one.id));
  expectOk(tsrun.run(['rm', '-f', 'busy']));
  assert.equal(tsrun.leftovers([id]), []);
  for (const { monitor: its, bootId } of monitors)
    await until('the end of its monitor', () => !isAlive(its!.pid, its!.startTime, bootId));
  assert.equal(tsrun.leftovers([id]), [], 'nor do they write anything any more');
});

test.run();
