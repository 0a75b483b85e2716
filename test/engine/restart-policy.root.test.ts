import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openEngine } from '../../src/engine/engine.ts';
import { dueContainers } from '../../src/engine/restart-policy.ts';
import { bootId } from '../../src/kernel/procfs.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('what restart policies start after a boot'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const BEFORE = 'another-boot';
/** restarts: those that its monitor has done; pausing: it was about to do one more. */
type Run = { boot: string; code?: number; stopped?: true; restarts?: number; pausing?: true };
type Past = Run | 'never started';
const lost: Run = { boot: BEFORE };
const stopped: Run = { boot: BEFORE, code: 137, stopped: true };
const ended = (code: number): Run => ({ boot: BEFORE, code });

/** What dockerd 20.10 does after a power cut, and what becomes of those whose monitor was there. */
const TABLE: [policy: string, past: Past, due: boolean][] = [
  ['no', lost, false],
  ['no', ended(1), false],
  ['always', lost, true],
  ['always', ended(0), true],
  ['always', stopped, true],
  ['always', 'never started', false],
  ['always', { boot: bootId() }, true],
  ['always', { boot: bootId(), code: 1 }, false],
  ['unless-stopped', lost, true],
  ['unless-stopped', ended(0), true],
  ['unless-stopped', stopped, false],
  ['unless-stopped', { boot: BEFORE, stopped: true }, false],
  ['on-failure', lost, true],
  ['on-failure', ended(3), true],
  ['on-failure', ended(0), false],
  ['on-failure', stopped, true],
  ['on-failure', { boot: bootId(), code: 3 }, false],
  ['on-failure:2', lost, true],
  ['on-failure:2', { ...lost, restarts: 1 }, true],
  ['on-failure:2', { ...lost, restarts: 2 }, false],
  ['on-failure:2', { ...ended(3), restarts: 2 }, false],
  ['on-failure:2', { ...ended(3), pausing: true }, true],
  ['on-failure:2', { ...ended(3), restarts: 1, pausing: true }, false],
  ['on-failure:2', stopped, true],
  ['on-failure:2', { ...stopped, restarts: 2 }, false],
  ['on-failure', { ...lost, restarts: 200 }, true],
];

const exitText = (code: number) =>
  JSON.stringify({ version: 1, exitCode: code, signal: 0, finishedNs: '1', oomKills: 0 });

function give(name: string, past: Past): string {
  const directory = join(tsrun.dataRoot, 'containers', tsrun.inspect(name, '{{.Id}}'));
  const put = (file: string, text: string) => writeFileSync(join(directory, file), text);
  if (past === 'never started') return directory;
  put('started', `2026-01-01T00:00:00Z ${past.boot}`);
  if (past.code !== undefined) put('exit.json', exitText(past.code));
  if (past.stopped) put('stopped', '');
  if (past.restarts !== undefined) put('restarts', String(past.restarts));
  if (past.pausing) put('restarting', '');
  return directory;
}

const due = () => {
  const { records, failed } = dueContainers(openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot }));
  return { names: records.map(({ name }) => name), failed };
};

TABLE.forEach(([policy, past, wanted], i) =>
  test(`${policy}, ${JSON.stringify(past)}: ${wanted ? 'is started' : 'is not'}`, () => {
    const name = `row${i}`;
    expectOk(tsrun.run(['create', '--restart', policy, '--name', name, tsrun.rootfs, 'true']));
    give(name, past);
    assert.equal(due(), { names: wanted ? [name] : [], failed: [] });
    expectOk(tsrun.run(['rm', name]));
  }),
);

test('one that runs is not started; a damaged one is said and hides no other; the eldest is first', async () => {
  const live = await tsrun.container('live', undefined, ['--restart', 'always']);
  for (const name of ['hurt', 'two', 'three'])
    expectOk(tsrun.run(['create', '--restart', 'always', '--name', name, tsrun.rootfs, 'true']));
  give('live', lost);
  writeFileSync(join(give('hurt', lost), 'container.json'), '');
  give('three', lost);
  give('two', lost);
  const { names, failed } = due();
  assert.equal(names, ['two', 'three']);
  assert.match((failed[0] as Error).message, /hurt|the file is damaged/);
  expectOk(tsrun.run(['rm', '-f', 'live', 'hurt', 'two', 'three']));
  await live.ended;
});

test.run();
