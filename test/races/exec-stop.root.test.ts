import * as assert from 'uvu/assert';
import { openEngine, run } from '../../src/index.ts';
import { left, ROUNDS, races, Tally } from './race.ts';

const { test, track } = races('exec and stop at the same time');
const SCRIPT = 'trap "exit 3" TERM; while :; do sleep 0.01; done';
const ENDED =
  /^tsrun: exec ends: (?:container [0-9a-f]{64} is not running|the container ended before the command was executed)\n/;

test('exec × stop: it is stopped, and who did not come in hears why', async () => {
  const { race, tsrun } = track;
  const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const tally = new Tally(race);
  for (let round = 0; round < ROUNDS; round++) {
    const live = run(engine, { rootfs: tsrun.rootfs, command: ['sh', '-c', SCRIPT], name: 'ends', remove: false });
    live.stdout?.resume();
    live.stderr?.resume();
    const [entered, stopped] = await race.run(
      round,
      { verb: 'exec', words: ['ends', 'true'] },
      { verb: 'stop', words: ['ends'] },
    );
    if (entered !== '') assert.ok(ENDED.test(entered), entered);
    assert.is(stopped, '');
    assert.ok([3, 137].includes(await live.exited));
    assert.equal(
      left(tsrun, live.id).filter((path) => /cgroup|\/run\//.test(path)),
      [],
      `round ${round}`,
    );
    assert.is(await race.alone({ verb: 'rm', words: ['ends'] }), '');
    assert.equal(left(tsrun, live.id), [], `round ${round}`);
    tally.count(entered === '');
  }
  await tally.check();
});

test.run();
