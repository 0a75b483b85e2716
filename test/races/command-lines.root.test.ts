import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLEAR, UNCLEAR } from '../faults/aftermath.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Outcome, openTsrun, type Tsrun } from '../support/tsrun.ts';
import { ROUNDS } from './race.ts';

/** Whole command lines take their time: what a round of theirs shows beyond the others' is exit codes, and the relay's end. */
const FEW = ROUNDS / 10;

const test = needs(suite('two command lines at once: one wins, the other says why'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** Whoever loses says why; the winner says nothing. */
function told({ code, stderr }: Outcome): boolean {
  return code === 0 ? stderr === '' : CLEAR.test(stderr) && !UNCLEAR.test(stderr);
}

async function both(one: string[], other: string[]): Promise<Outcome[]> {
  const outcomes = await Promise.all([one, other].map((words) => tsrun.spawn(words).ended));
  for (const outcome of outcomes) assert.ok(told(outcome), JSON.stringify(outcomes));
  return outcomes;
}

async function rounds(prepare: () => unknown, judge: (id: string) => Promise<void>): Promise<void> {
  for (let round = 0; round < FEW; round++) {
    await prepare();
    const id = tsrun.inspect('raced', '{{.Id}}');
    await judge(id);
    assert.equal(tsrun.leftovers([id]), [], `round ${round}`);
  }
}

const waiting = (): unknown => expectOk(tsrun.run(['create', '--name', 'raced', tsrun.rootfs, 'sleep', '600']));

test('rm × rm, of one that waits and of one that runs', async () => {
  await rounds(waiting, async () => {
    const outcomes = await both(['rm', 'raced'], ['rm', 'raced']);
    assert.equal(outcomes.map(({ code }) => code).toSorted(), [0, 1], JSON.stringify(outcomes));
  });
  await rounds(
    () => tsrun.container('raced'),
    async () => {
      const outcomes = await both(['rm', '-f', 'raced'], ['rm', '-f', 'raced']);
      assert.ok(
        outcomes.some(({ code }) => code === 0),
        JSON.stringify(outcomes),
      );
    },
  );
});

test('start -a × rm: it runs, or it is gone, and who would have been attached ends', () =>
  rounds(waiting, async (id) => {
    const starting = tsrun.spawn(['start', '-a', 'raced']);
    const removed = await tsrun.spawn(['rm', 'raced']).ended;
    assert.ok(told(removed), JSON.stringify(removed));
    assert.is(tsrun.ids().includes(id), removed.code !== 0);
    if (removed.code !== 0) {
      assert.is(tsrun.inspect('raced', '{{.State.Status}}'), 'running');
      expectOk(tsrun.run(['rm', '-f', 'raced']));
    }
    const { code, stderr } = await starting.ended;
    assert.is(code, removed.code === 0 ? 1 : 137, stderr);
    assert.match(stderr, removed.code === 0 ? /^tsrun: No such container: \w+\n/ : /^$/);
  }));

test.run();
