import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('a process that lives for one start'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** V8 takes up what has run a few times; by itself that needs ten times as many steps in Node 20, and half as many more in Node 24. */
const SOON = process.versions.node.startsWith('20.') ? '--interrupt-budget=5000' : '--invocation-count-for-maglev=50';

/** Functions that write the plan's tape and that V8 began to optimize. */
function optimized(...flags: string[]): number {
  const through = ['sh', '-c', `node=$1; shift; exec "$node" --trace-opt ${SOON} "$@"`, '-'];
  const trace = expectOk(tsrun.run(['run', ...flags, tsrun.rootfs, 'true'], { through }));
  return trace
    .split('\n')
    .filter((line) => /^\[compiling method .*<JSFunction (writeOp|writeCall|writeRun)\b/.test(line)).length;
}

test('V8 optimizes nothing for it; without being told it would', () => {
  assert.is(optimized('--rm'), 0);
  assert.ok(optimized('--rm=true') > 0, 'the bundle of all verbs, which long-lived commands are in');
});

test.run();
