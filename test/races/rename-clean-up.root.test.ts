import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';
import { create, left, Race, ROUNDS, Tally } from './race.ts';

const test = needs(suite('rename and the clean-up after a run at the same time'), root(), overlay());
let tsrun: Tsrun;
let race: Race;

test.before(async () => {
  tsrun = await openTsrun();
  race = await Race.open(tsrun, 60);
});
test.after(async () => {
  race?.close();
  await tsrun?.close();
});

const GONE = /^tsrun: No such container: \w+\n/;

test('rename × stop, with --rm: it is gone, and both names are free', async () => {
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
