import * as assert from 'uvu/assert';
import { create, GONE, left, ROUNDS, races, Tally } from './race.ts';

const { test, track } = races('start and rm at the same time');

const START = { verb: 'start', words: ['both'] } as const;
const RUNS =
  /^tsrun: cannot remove container "\/both": container is running: stop the container before removing or force remove\n/;

test('start × rm: it runs, or is gone', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  for (let round = 0; round < ROUNDS; round++) {
    const id = create(tsrun, 'both');
    const [started, removed] = await race.run(round, START, { verb: 'rm', words: ['both'] });
    if (removed === '') assert.match(started, GONE);
    else {
      assert.is(started, '');
      assert.match(removed, RUNS);
      assert.is(await race.alone({ verb: 'exec', words: ['both', 'true'] }), '');
      assert.is(await race.alone({ verb: 'stop', words: ['both'] }), '');
      assert.is(await race.alone({ verb: 'rm', words: ['both'] }), '');
    }
    assert.equal(left(tsrun, id), [], `round ${round}: ${started}${removed}`);
    tally.count(started === '');
  }
  await tally.check();
});

test('start × rm -f: it is gone', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  for (let round = 0; round < ROUNDS; round++) {
    const id = create(tsrun, 'both');
    const [started, removed] = await race.run(round, START, { verb: 'rm -f', words: ['both'] });
    assert.is(removed, '');
    if (started !== '') assert.match(started, GONE);
    assert.equal(left(tsrun, id), [], `round ${round}: ${started}`);
    tally.count(started === '');
  }
  await tally.check();
});

test.run();
