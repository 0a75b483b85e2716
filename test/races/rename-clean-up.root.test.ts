import * as assert from 'uvu/assert';
import { create, GONE, left, ROUNDS, races, Tally } from './race.ts';

const { test, track } = races('rename and the clean-up after a run at the same time', 60);

test('rename × stop, with --rm: it is gone, and both names are free', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  for (let round = 0; round < ROUNDS; round++) {
    const id = create(tsrun, 'both', true);
    assert.is(await race.alone({ verb: 'start', words: ['both'] }), '');
    const [renamed, stopped] = await race.run(
      round,
      { verb: 'rename', words: ['both', 'other'] },
      { verb: 'stop', words: ['both'] },
    );
    if (renamed !== '') assert.ok(GONE.test(renamed), renamed);
    if (stopped !== '') {
      assert.ok(GONE.test(stopped), stopped);
      assert.is(await race.alone({ verb: 'stop', words: ['other'] }), '');
    }
    assert.equal(left(tsrun, id), [], `round ${round}: ${renamed}${stopped}`);
    tally.count(renamed === '');
  }
  await tally.check();
});

test.run();
