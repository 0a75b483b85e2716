import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroup, exists, kernel, linux, needs, type Requirement, root, type SkippedTest, tool } from './needs.ts';

const test = suite('needs');

/** A suite of its own that is never run: what it is given is counted here. */
function watched(...requirements: Requirement[]): { ran: string[]; skipped: SkippedTest[] } {
  const seen = { ran: [] as string[], skipped: [] as SkippedTest[] };
  const target = Object.assign((name: string) => seen.ran.push(name), suite('inner'), {
    before: Object.assign(() => seen.ran.push('before'), { each: () => seen.ran.push('before each') }),
  });
  const outer = globalThis.tsrunSkips;
  globalThis.tsrunSkips = seen.skipped;
  const inner = needs(target as unknown as ReturnType<typeof suite>, ...requirements);
  inner.before(() => {});
  inner('first', () => {});
  globalThis.tsrunSkips = outer;
  return seen;
}

test('a met requirement leaves the test and its hooks alone', () => {
  assert.equal(watched({ ok: true, reason: 'never read' }), { ran: ['before', 'first'], skipped: [] });
});

test('the first missing requirement is the reason, and no hook runs', () => {
  const missing = watched(linux(), { ok: false, reason: 'no moon' }, { ok: false, reason: 'no sun' });
  assert.equal(missing, { ran: [], skipped: [{ name: 'first', reason: 'no moon' }] });
});

test('requirements look at the machine', () => {
  assert.is(tool('sh').ok, true);
  assert.is(tool('no-such-program').ok, false);
  assert.is(tool('no-such-program').reason, 'no no-such-program in PATH');
  assert.is(exists('/proc/self').ok, true);
  assert.is(kernel(2, 6).ok, true);
  assert.is(kernel(999, 0).ok, false);
  assert.is(cgroup('no-such-controller').ok, false);
});

test('root is refused to everyone else', () => {
  if (process.getuid?.() !== 0) assert.is(root().reason, 'not root');
  else assert.ok(root().ok || root().reason.includes('CAP_SYS_ADMIN'));
});

test.run();
