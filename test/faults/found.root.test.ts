import { constants } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arch, linux, needs, overlay, root, tool } from '../support/needs.ts';
import { sceneOf } from './scenes.ts';
import type { Call } from './strike.ts';
import { Anvil } from './sweep.ts';

/** What the sweeps have found: each defect's own blow. */
const FOUND: [what: string, scene: string, struck: (call: Call) => boolean, action: string][] = [
  [
    'an error while capabilities are dropped is no end of their list, and none of them is kept',
    'run',
    ({ role, name, nth }) => role === 'cli.1.1' && name === 'prctl' && nth % 9 === 1,
    `errno:${constants.errno.ENOMEM}`,
  ],
  [
    'exec hears the end of a monitor that is killed before its first word',
    'exec',
    ({ role, name }) => role === 'enter' && name === 'pidfd_open',
    'kill:cli.1',
  ],
  [
    'rename fails to free the old name: rm takes that, too',
    'rename',
    ({ name, detail }) => name === 'unlinkat' && detail.includes('/names/'),
    `errno:${constants.errno.EINTR}`,
  ],
  [
    'what is known of a --rm run cannot be removed: the container stays, for rm to finish',
    'run --rm',
    ({ role, name, detail, nth }) => role === 'keep' && name === 'unlinkat' && detail === 'root' && nth > 9,
    `errno:${constants.errno.ENOMEM}`,
  ],
  [
    'a monitor that is interrupted while it reads the output loses none of it, and gives none of it twice',
    'run',
    ({ role, name, detail, nth }) => role === 'keep' && name === 'read' && detail.startsWith('pipe:') && nth % 5 === 1,
    `errno:${constants.errno.EINTR}`,
  ],
  [
    'a monitor that cannot share the pages of the output copies them',
    'run',
    ({ role, name, nth }) => role === 'keep' && name === 'tee' && nth % 9 === 1,
    `errno:${constants.errno.ENOMEM}`,
  ],
  [
    'the command line cannot become the relay when its descriptors are half in their places: what it started is ended',
    'run --rm',
    ({ role, name }) => role === 'cli' && (name === 'close_range' || name === 'dup3'),
    `errno:${constants.errno.EMFILE}`,
  ],
  [
    'nor when it has descriptors of its own already, and Node’s threads hold the other ends of what the container writes to',
    'run',
    ({ role, name, detail }) => role === 'cli' && name === 'fcntl' && /^(socket|pipe):/.test(detail),
    `errno:${constants.errno.EMFILE}`,
  ],
  [
    'output that a disk does not take (EIO) is missed, and that is said',
    'run',
    ({ role, name, nth }) => role === 'relay' && name === 'splice' && nth % 9 === 1,
    `errno:${constants.errno.EIO}`,
  ],
  ...(['keep', 'enter'] as const).flatMap((monitor): typeof FOUND =>
    (['EIO', 'EINTR'] as const).map((errno) => [
      `${monitor} cannot learn how its child has ended (${errno}): no code is made up`,
      monitor === 'keep' ? 'run' : 'exec',
      ({ role, name }) => role === monitor && name === 'waitid',
      `errno:${constants.errno[errno]}`,
    ]),
  ),
];

const test = needs(suite('what the sweeps have found'), linux(), arch('x64'), root(), overlay(), tool('cc'));
let anvil: Anvil;

test.before(async () => {
  anvil = await Anvil.open();
});
test.after(() => anvil?.close());

for (const [what, name, struck, action] of FOUND)
  test(what, async () => {
    const scene = sceneOf(name);
    const { calls, outcome } = await anvil.listen(scene);
    const points = calls.filter(struck);
    assert.ok(points.length > 0);
    // How often output is read is a matter of time, and some of these calls may not be made again.
    let hits = 0;
    for (const { detail, ...point } of points) {
      const { problems, missed } = await anvil.blowUntilHit(scene, { point, detail, action }, outcome);
      assert.equal(problems, [], `${point.role} ${point.name} ${point.nth}`);
      hits += Number(!missed);
    }
    assert.ok(hits > 0);
  });

test.run();
