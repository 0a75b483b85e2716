import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { namesOfRuns, until } from '../support/tsrun.ts';
import { World } from '../support/world.ts';

const test = needs(suite('interrupted while a container is made'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
  world.run(['true']);
});
test.after(() => world?.close());

/** How long a run of `true` takes from its start to its end. */
function duration(): number {
  const begun = performance.now();
  for (let i = 0; i < 3; i++) world.run(['true']);
  return (performance.now() - begun) / 3;
}

const left = (): string[] =>
  ['containers', 'names', 'overlay2/l']
    .flatMap((name) => readdirSync(join(world.dataRoot, name)))
    .concat(namesOfRuns(world.runRoot));
const MOMENTS = 16;
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

for (const [signal, code] of Object.entries(CODES))
  test(`${signal} at whichever moment: what was begun is undone, or the command is told`, async () => {
    const whole = duration();
    for (let moment = 0; moment < MOMENTS; moment++) {
      const script = `trap 'exit ${code}' ${signal.slice(3)}; echo up; while :; do sleep 0.02; done`;
      const running = world.start(['bash', '-c', script]);
      // No event tells of these moments: they are what is looked for.
      await new Promise((resolve) => setTimeout(resolve, (whole * 1.2 * moment) / MOMENTS));
      running.child.kill(signal as NodeJS.Signals);
      // A first process that is not ready for a signal never gets it: that is the kernel's way with PID 1.
      const again = setInterval(() => running.child.kill(signal as NodeJS.Signals), 100);
      const { code: got, stderr } = await running.ended;
      clearInterval(again);
      assert.is(got, code, `moment ${moment}: ${stderr}`);
      assert.is(stderr, '', `moment ${moment}`);
      await until(`nothing of moment ${moment} to be left: ${left()}`, () => left().length === 0);
    }
  });

test.run();
