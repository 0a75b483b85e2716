import * as assert from 'uvu/assert';
import { cgroupProcesses, detectCgroups } from '../../src/cgroup/host.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { findContainer } from '../../src/engine/find.ts';
import { containerStatus } from '../../src/engine/status.ts';
import { create, GONE, left, ROUNDS, races, Tally } from './race.ts';

const { test, track } = races('restart and others at the same time');

const engine = () => openEngine({ dataRoot: track.tsrun.dataRoot, runRoot: track.tsrun.runRoot });
const status = (id: string) => containerStatus(engine(), findContainer(engine(), id)).status;
const RESTART = { verb: 'restart', words: ['again'] } as const;
const RUNS = 'tsrun: start again: the container is running already\n';

test('restart × restart: it runs, once; who is not the one to start it says so', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  const layout = detectCgroups();
  const id = create(tsrun, 'again');
  for (let round = 0; round < ROUNDS; round++) {
    const said = await race.run(round, RESTART, RESTART);
    for (const text of said) assert.ok(['', RUNS].includes(text), text);
    assert.ok(said.includes(''), said.join());
    assert.is(status(id), 'running');
    assert.is(cgroupProcesses(layout, `/tsrun-${id}`).length, 1);
    tally.count(said[0] === '');
  }
  assert.is(await race.alone({ verb: 'rm -f', words: ['again'] }), '');
  assert.equal(left(tsrun, id), []);
  await tally.check();
});

for (const remove of [false, true])
  test(`restart × rm -f${remove ? ', with --rm' : ''}: it is gone`, async () => {
    const { race, tsrun } = track;
    const tally = new Tally(race);
    for (let round = 0; round < ROUNDS / 2; round++) {
      const id = create(tsrun, 'again', remove);
      assert.is(await race.alone({ verb: 'start', words: ['again'] }), '');
      const [restarted, removed] = await race.run(round, RESTART, { verb: 'rm -f', words: ['again'] });
      assert.ok(removed === '' || (remove && GONE.test(removed)), removed);
      assert.ok(restarted === '' || GONE.test(restarted), restarted);
      assert.equal(left(tsrun, id), [], `round ${round}: ${restarted}${removed}`);
      tally.count(restarted === '');
    }
    await tally.check();
  });

test.run();
