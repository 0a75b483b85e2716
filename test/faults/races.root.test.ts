import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Outcome, openTsrun, type Tsrun } from '../support/tsrun.ts';
import { CLEAR, UNCLEAR } from './aftermath.ts';

/** 200 of each: TSRUN_SWEEP=all. */
const ROUNDS = process.env.TSRUN_SWEEP === 'all' ? 200 : 5;

const test = needs(suite('two at once: one wins, the other says why'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const ended = (): unknown => expectOk(tsrun.run(['run', '--name', 'raced', tsrun.rootfs, 'true']));
const waiting = (): unknown => expectOk(tsrun.run(['create', '--name', 'raced', tsrun.rootfs, 'sleep', '600']));
const running = (): Promise<unknown> => tsrun.container('raced', 'echo ready; exec sleep 600');

/** Whoever loses says why; the winner says nothing. */
function told({ code, stderr }: Outcome): boolean {
  return code === 0 ? stderr === '' : CLEAR.test(stderr) && !UNCLEAR.test(stderr);
}

async function race(round: number, ...commands: string[][]): Promise<Outcome[]> {
  // Now one is first on the way and now the other.
  const order = round % 2 === 0 ? commands : commands.toReversed();
  const outcomes = await Promise.all(order.map((words) => tsrun.spawn(words).ended));
  for (const one of outcomes) assert.ok(told(one), `round ${round}: ${JSON.stringify(outcomes)}`);
  return round % 2 === 0 ? outcomes : outcomes.toReversed();
}

async function rounds(prepare: () => unknown, judge: (round: number, id: string) => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await prepare();
    const id = tsrun.inspect('raced', '{{.Id}}');
    await judge(round, id);
    const { code, stderr } = tsrun.run(['rm', '-f', id]);
    assert.ok(code === 0 || /No such container/.test(stderr), stderr);
    assert.equal(tsrun.leftovers([id]), [], `round ${round}`);
  }
}

test('rm × rm', () =>
  rounds(ended, async (round) => {
    const outcomes = await race(round, ['rm', 'raced'], ['rm', 'raced']);
    assert.equal(outcomes.map(({ code }) => code).toSorted(), [0, 1], JSON.stringify(outcomes));
  }));

test('rm -f × rm -f', () =>
  rounds(running, async (round) => {
    const outcomes = await race(round, ['rm', '-f', 'raced'], ['rm', '-f', 'raced']);
    assert.ok(outcomes.some(({ code }) => code === 0));
  }));

test('rm × start: it runs, or it is gone', () =>
  rounds(waiting, async (round, id) => {
    const starting = tsrun.spawn(round % 2 === 0 ? ['start', 'raced'] : ['start', '-a', 'raced']);
    const removed = await tsrun.spawn(['rm', 'raced']).ended;
    assert.ok(told(removed), JSON.stringify(removed));
    assert.is(tsrun.ids().includes(id), removed.code !== 0);
    if (removed.code !== 0) assert.is(tsrun.inspect('raced', '{{.State.Status}}'), 'running');
    expectOkOrGone(tsrun.run(['rm', '-f', 'raced']));
    const { code, stderr } = await starting.ended;
    assert.not.match(stderr, UNCLEAR);
    assert.ok(code === 137 || code === 0 || CLEAR.test(stderr), stderr);
  }));

test('start × start: one runs it, the other says that it runs, or finds it running', () =>
  rounds(waiting, async (round) => {
    const both = [tsrun.spawn(['start', 'raced']), tsrun.spawn(['start', 'raced'])];
    const outcomes = await Promise.all(both.map(({ ended }) => ended));
    assert.ok(
      outcomes.some(({ code }) => code === 0),
      `round ${round}`,
    );
    for (const { code, stderr } of outcomes) assert.match(stderr, code === 0 ? /^$/ : /running already/);
    assert.is(tsrun.inspect('raced', '{{.State.Status}}'), 'running');
    expectOk(tsrun.run(['rm', '-f', 'raced']));
  }));

test('exec × stop: executed, or said that it has ended', () =>
  rounds(running, async (round) => {
    const executing = tsrun.spawn(['exec', 'raced', 'true']);
    const stopped = await tsrun.spawn(['stop', '-t', '0', 'raced']).ended;
    assert.is(stopped.code, 0, stopped.stderr);
    const { code, stderr } = await executing.ended;
    assert.not.match(stderr, UNCLEAR);
    assert.ok(code === 0 || code === 137 || CLEAR.test(stderr), `round ${round}: ${code} ${stderr}`);
    assert.is(tsrun.inspect('raced', '{{.State.Status}}'), 'exited');
  }));

function expectOkOrGone({ code, stderr }: Outcome): void {
  assert.ok(code === 0 || /No such container/.test(stderr), stderr);
}

test.run();
