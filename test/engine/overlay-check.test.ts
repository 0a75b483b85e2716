import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainOverlayFailure } from '../../src/engine/overlay-check.ts';
import { openEngine } from '../../src/index.ts';
import { blame } from '../../src/plan/blame.ts';
import { step } from '../../src/plan/step.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('why an overlay could not be mounted'), linux());
const mount = { source: 'overlay', target: '/m', filesystemtype: 'overlay', mountflags: 0, data: '' };

test('a full file system is called full, not one that cannot carry an overlay', () => {
  const engine = openEngine({ dataRoot: '/nonsuch/data', runRoot: '/nonsuch/run' });
  const ENOSPC = 28;
  const { code, hint } = explainOverlayFailure(engine, blame('run', step('mount', mount, 'layers'), ENOSPC, 0));
  assert.is(code, 'ENOSPC');
  assert.match(hint ?? '', /^the file system of \/nonsuch\/data is full/);
});

test.run();
