import * as assert from 'uvu/assert';
import { cgroupProcesses, detectCgroups } from '../../src/cgroup/host.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { findContainer } from '../../src/engine/find.ts';
import { containerStatus } from '../../src/engine/status.ts';
import { create, left, ROUNDS, races, Tally } from './race.ts';

const { test, track } = races('start and start at the same time');

const engine = () => openEngine({ dataRoot: track.tsrun.dataRoot, runRoot: track.tsrun.runRoot });
const status = (id: string) => containerStatus(engine(), findContainer(engine(), id)).status;
const START = { verb: 'start', words: ['twice'] } as const;

test('start × start: it is started once, and who came second hears it', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  const layout = detectCgroups();
  const id = create(tsrun, 'twice');
  for (let round = 0; round < ROUNDS; round++) {
    const said = await race.run(round, START, START);
    assert.is(said.filter((text) => text === '').length, 1, said.join());
    assert.is(said.join(''), 'tsrun: start twice: the container is running already\n');
    assert.is(cgroupProcesses(layout, `/tsrun-${id}`).length, 1);
    assert.is(await race.alone({ verb: 'exec', words: ['twice', 'true'] }), '');
    assert.is(await race.alone({ verb: 'stop', words: ['twice'] }), '');
    assert.equal(
      left(tsrun, id).filter((path) => /cgroup|\/run\//.test(path)),
      [],
      `round ${round}`,
    );
    tally.count(said[0] === '');
  }
  await tally.check();
  assert.is(await race.alone({ verb: 'rm', words: ['twice'] }), '');
  assert.equal(left(tsrun, id), []);
});

test('start × stop: it runs, or has ended, and can be started and removed', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  const id = create(tsrun, 'twice');
  for (let round = 0; round < ROUNDS; round++) {
    const [started, stopped] = await race.run(round, START, { verb: 'stop', words: ['twice'] });
    assert.equal([started, stopped], ['', '']);
    const now = status(id);
    assert.ok(['running', 'exited', 'created'].includes(now), now);
    assert.is(await race.alone({ verb: 'stop', words: ['twice'] }), '');
    tally.count(now);
  }
  await tally.check();
  assert.is(await race.alone({ verb: 'rm', words: ['twice'] }), '');
  assert.equal(left(tsrun, id), []);
});

test.run();
