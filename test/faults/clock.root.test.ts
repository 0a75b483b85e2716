import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('a clock that jumps'), root(), overlay(), tool('faketime'));
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** What the command line takes for the time; the monitor, the container and the kernel have their own. */
const at = (offset: string) => ({ through: ['faketime', '--exclude-monotonic', '-f', offset] });
const now = { through: [] };

for (const [what, before, after] of [
  ['back by a year after the start', at('+400d'), now],
  ['on by a year after the start', now, at('+400d')],
  ['back by a year before the end', now, at('-400d')],
] as const) {
  test(`${what}: it is the same container, which runs, can be entered, ends and goes`, async () => {
    const ok = (options: { through: readonly string[] }, ...words: string[]) =>
      expectOk(tsrun.run(words, options)).trim();
    const id = ok(
      before,
      'run',
      '-d',
      '--name',
      'jumped',
      tsrun.rootfs,
      'sh',
      '-c',
      'echo said; trap "exit 3" TERM; while :; do sleep 0.1; done',
    );
    await until('what it said', () => ok(after, 'logs', 'jumped') === 'said');
    assert.match(
      ok(after, 'ps', '--format', '{{.Names}} {{.Status}}'),
      /^jumped Up (Less than a second|\d+ \w+|About an hour)/,
    );
    assert.is(ok(after, 'exec', 'jumped', 'echo', 'in'), 'in');
    assert.is(ok(after, 'stop', 'jumped'), 'jumped');
    assert.is(tsrun.inspect('jumped', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 3');
    assert.match(
      ok(before, 'ps', '-a', '--format', '{{.Status}}'),
      /^Exited \(3\) (Less than a second|\d+ \w+|About \w+ \w+) ago/,
    );
    ok(after, 'start', 'jumped');
    assert.is(tsrun.inspect('jumped', '{{.State.Running}}'), 'true');
    ok(before, 'rm', '-f', 'jumped');
    assert.equal(tsrun.leftovers([id]), []);
    assert.match(ok(after, 'system', 'check'), /^0 found/);
  });
}

test.run();
