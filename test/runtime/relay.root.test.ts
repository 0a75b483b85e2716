import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

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

// Node sets every signal back to its default before any line of ours, so nothing tells that SIGHUP was ignored; docker run does the same
// with it (seen with 28.2.2: it forwards it).
needs(test, tool('nohup'))(
  'under nohup SIGHUP is passed on, as docker run does; --sig-proxy=false keeps it from the container',
  async () => {
    const script = 'trap "echo hung up; exit 9" HUP; echo ready; while :; do sleep 0.02; done';
    const begin = async (name: string, ...flags: string[]) => {
      const words = ['run', '--name', name, ...flags, tsrun.rootfs, 'sh', '-c', script];
      const live = tsrun.spawn(words, { through: ['nohup'] });
      await live.waitFor('ready');
      live.child.kill('SIGHUP');
      return live.ended;
    };
    const told = await begin('told');
    assert.equal([told.code, told.stdout], [9, 'ready\nhung up\n']);
    const kept = await begin('kept', '--sig-proxy=false');
    assert.equal([kept.code, kept.stdout], [129, 'ready\n']);
    assert.is(tsrun.inspect('kept', '{{.State.Status}}'), 'running');
  },
);

const childrenOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);

test('reaps the child that gave Node’s memory back', async () => {
  const { child } = await tsrun.container('sleeping');
  await until('only the keeper is left', () => childrenOf(child.pid!).length === 1);
  const [keeper] = childrenOf(child.pid!);
  assert.match(readFileSync(`/proc/${keeper}/cmdline`, 'utf8'), 'keep');
});

// The child that gives the memory back goes on for milliseconds when the relay has ended.
needs(test, tool('unshare'))('leaves nobody behind in the directory that it was started in', () => {
  const script = `i=0; while [ $i -lt 10 ]; do i=$((i + 1))
    mount -t tmpfs none "$0" && (cd "$0" && "$@") && umount "$0" || exit 1; done`;
  const through = ['unshare', '-m', 'sh', '-c', script, mkdtempSync(join(tsrun.directory, 'mount-'))];
  expectOk(tsrun.run(['run', '--rm', tsrun.rootfs, 'true'], { through }));
});

test.run();
