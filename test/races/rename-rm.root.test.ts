import * as assert from 'uvu/assert';
import { create, GONE, left, ROUNDS, races, Tally } from './race.ts';

const { test, track } = races('rename and rm at the same time');

const created = (): string => create(track.tsrun, 'old');
test('rename × rm: it has the new name, or is gone, and both names are free', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  for (let round = 0; round < ROUNDS; round++) {
    const id = created();
    const [renamed, removed] = await race.run(
      round,
      { verb: 'rename', words: ['old', 'new'] },
      { verb: 'rm', words: ['old'] },
    );
    if (renamed !== '') assert.match(renamed, GONE);
    if (removed !== '') {
      assert.match(removed, GONE);
      assert.is(renamed, '', 'neither has done it');
      assert.match(await race.alone({ verb: 'rm', words: ['old'] }), GONE);
      assert.is(await race.alone({ verb: 'rm', words: ['new'] }), '');
    }
    assert.equal(left(tsrun, id), [], `round ${round}: ${renamed}${removed}`);
    tally.count(renamed === '');
  }
  await tally.check();
});

test('rm × rm: one removes it, the other finds none', async () => {
  const { race, tsrun } = track;
  const tally = new Tally(race);
  for (let round = 0; round < ROUNDS; round++) {
    const id = created();
    const said = await race.run(round, { verb: 'rm', words: ['old'] }, { verb: 'rm', words: ['old'] });
    assert.is(said.filter((text) => text === '').length, 1, said.join());
    assert.match(said.find((text) => text !== '')!, GONE);
    assert.equal(left(tsrun, id), []);
    tally.count(said[0] === '');
  }
  await tally.check();
});

test.run();
