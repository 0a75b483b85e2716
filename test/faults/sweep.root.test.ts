import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arch, linux, needs, overlay, root, tool } from '../support/needs.ts';
import { SCENES } from './scenes.ts';
import { Anvil, ERRNOS, sweep } from './sweep.ts';

/** Of each command line and kind of blow; all of them: `npm run sweep`. */
const POINTS = Number(process.env.TSRUN_SWEEP ?? 1);

const test = needs(suite('struck at any call'), linux(), arch('x64'), root(), overlay(), tool('cc'));
const anvils: Anvil[] = [];

test.before(async () => {
  for (let i = 0; i < 2; i++) anvils.push(await Anvil.open());
});
test.after(async () => {
  for (const anvil of anvils) await anvil.close();
});

for (const scene of SCENES)
  for (const kind of ['kill', ...ERRNOS] as const)
    test(`${scene.name}: ${kind}`, async () => {
      const { points, findings } = await sweep(anvils, scene, kind, { most: POINTS });
      assert.ok(points > 0);
      assert.equal(findings, []);
    });

test.run();
