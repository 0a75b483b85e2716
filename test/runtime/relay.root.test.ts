import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('becoming the relay'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
  await tsrun.container('alive');
});
test.after(() => tsrun.close());

// A thread of Node's waits in epoll_wait(2). When the relay's descriptors took the place of its own, before the exec ended the
// thread, libuv aborted: one command in fifteen on two processors.
const TIMES = 60;

test('takes no descriptor away from a thread of Node', () => {
  const outcomes = Array.from({ length: TIMES }, () => tsrun.run(['exec', 'alive', 'true']));
  assert.equal(
    outcomes.filter(({ code, stderr }) => code !== 0 || stderr !== ''),
    [],
  );
});

const childrenOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);

test('reaps the child that gave Node’s memory back', async () => {
  const { child } = await tsrun.container('sleeping');
  await until('only the keeper is left', () => childrenOf(child.pid!).length === 1);
  const [keeper] = childrenOf(child.pid!);
  assert.match(readFileSync(`/proc/${keeper}/cmdline`, 'utf8'), 'keep');
});

test.run();
