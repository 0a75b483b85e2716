import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('what a container wrote'), root(), overlay(), tool('python3'));
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** 3,000 directories one in another, whose path has half a million bytes, and a name that is no text. No shell is fast enough for it. */
const DEEP = `
import os
for i in range(3000): os.mkdir('d' * 200); os.chdir('d' * 200)
open(b'odd\\n\\033[31m\\377 name', 'w').close()`;

test('a very deep tree and odd names: check finds nothing wrong, rm takes all of it away', () => {
  const id = expectOk(tsrun.run(['create', '--name', 'deep', tsrun.rootfs, 'true'])).trim();
  execFileSync('python3', ['-c', DEEP], { cwd: tsrun.inspect('deep', '{{.GraphDriver.Data.UpperDir}}') });
  assert.match(expectOk(tsrun.run(['system', 'check'])), /^0 found/);
  expectOk(tsrun.run(['rm', 'deep']));
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
