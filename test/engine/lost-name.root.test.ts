import { symlinkSync, unlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { flagContext } from '../../src/cli/context.ts';
import { readRunFlags } from '../../src/cli/run-flags.ts';
import { createContainer } from '../../src/engine/create.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { Paths } from '../../src/store/paths.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('a name that another was faster to claim'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** Somebody takes the first names that are looked up, each right after it was seen to be free. */
class Overtaken extends Paths {
  readonly lost: string[] = [];
  #asked = 0;

  constructor(
    private readonly owner: string,
    private readonly times: number,
  ) {
    super(tsrun.dataRoot, tsrun.runRoot);
  }
  override name(name: string): string {
    const path = super.name(name);
    if (this.#asked++ % 2 === 1 && this.lost.length < this.times) {
      symlinkSync(this.owner, path);
      this.lost.push(path);
    }
    return path;
  }
}

test('another name is suggested, when none was asked for; and what lost is nowhere to be seen', () => {
  const owner = expectOk(tsrun.run(['create', '--name', 'owner', tsrun.rootfs, 'true'])).trim();
  const paths = new Overtaken(owner, 1);
  const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const { record } = createContainer({ ...engine, paths }, readRunFlags({}, tsrun.rootfs, ['true'], flagContext()));
  assert.is(paths.lost.length, 1);
  assert.is.not(paths.lost[0], paths.name(record.name));
  for (const path of paths.lost) unlinkSync(path);
  assert.equal(
    expectOk(tsrun.run(['ps', '-aq', '--no-trunc']))
      .trim()
      .split('\n')
      .sort(),
    [owner, record.id].sort(),
  );
  expectOk(tsrun.run(['rm', 'owner', record.name]));
  assert.equal(tsrun.leftovers([owner, record.id]), []);
});

test.run();
