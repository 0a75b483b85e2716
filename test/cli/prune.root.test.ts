import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('container prune'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const names = (): string[] =>
  tsrun
    .run(['ps', '-a', '--format', '{{.Names}}'])
    .stdout.split('\n')
    .filter(Boolean)
    .toSorted((a, b) => a.localeCompare(b));
const ended = (name: string, ...flags: string[]): string => {
  expectOk(
    tsrun.run([
      'run',
      '--name',
      name,
      ...flags,
      tsrun.rootfs,
      'sh',
      '-c',
      'echo more than nothing > /written; ln /written /again',
    ]),
  );
  return tsrun.inspect(name, '{{.Id}}');
};

test('removes what has ended, and nothing that is up', async () => {
  await tsrun.container('up');
  await tsrun.container('paused');
  tsrun.run(['pause', 'paused']);
  const ids = [ended('one'), ended('two')];
  const { code, stdout, stderr } = tsrun.run(['container', 'prune', '-f']);
  assert.equal([code, stderr], [0, '']);
  const [title, ...lines] = stdout.split('\n');
  assert.is(title, 'Deleted Containers:');
  assert.equal(
    lines.slice(0, 2).toSorted((a, b) => a.localeCompare(b)),
    ids.toSorted((a, b) => a.localeCompare(b)),
  );
  assert.match(lines.slice(2).join('\n'), /^\nTotal reclaimed space: (8\.192kB|[1-9][0-9.]*k?B)\n$/);
  assert.equal(names(), ['paused', 'up']);
  assert.equal(
    tsrun.leftovers(ids).filter((path) => ids.some((id) => path.includes(id))),
    [],
  );
  assert.equal(tsrun.run(['container', 'prune', '-f']).stdout, 'Total reclaimed space: 0B\n');
});

test('asks first: only y and yes are a yes', () => {
  ended('asked');
  for (const input of ['', 'n\n', 'perhaps\n']) {
    const { code, stdout } = tsrun.run(['container', 'prune'], { input });
    assert.equal(
      [code, stdout],
      [0, 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] '],
    );
  }
  assert.ok(names().includes('asked'));
  assert.match(tsrun.run(['container', 'prune'], { input: 'Yes\n' }).stdout, 'Deleted Containers:\n');
  assert.not.ok(names().includes('asked'));
});

test('--filter label, label!, until', () => {
  ended('kept', '--label', 'keep=yes');
  ended('loose');
  const prune = (...filters: string[]) =>
    expectOk(tsrun.run(['container', 'prune', '-f', ...filters.flatMap((one) => ['--filter', one])]));
  prune('until=1h');
  prune('until=1999-12-31T23:59:59');
  prune('label=keep', 'label=other');
  assert.equal(names(), ['kept', 'loose', 'paused', 'up']);
  prune('label!=keep', 'until=0.000001s');
  assert.equal(names(), ['kept', 'paused', 'up']);
  prune('label=keep=yes');
  assert.equal(names(), ['paused', 'up']);
});

test('what is no filter is said, and nothing is removed', () => {
  ended('stays');
  for (const [filter, why] of [
    ['label', "invalid filter 'label': must be key=value"],
    ['name=x', "invalid filter 'name'"],
    ['until!=1h', "invalid filter 'until!'"],
    ['until=yesterday', "invalid filter 'until=yesterday'"],
  ] as const) {
    const { code, stderr } = tsrun.run(['container', 'prune', '-f', '--filter', filter]);
    assert.is(code, 125);
    assert.match(stderr, `tsrun: ${why}`);
  }
  assert.ok(names().includes('stays'));
});

test('container alone, or with a verb that is none', () => {
  assert.match(tsrun.run(['container', '--help']).stdout, 'prune');
  const { code, stderr } = tsrun.run(['container', 'nope']);
  assert.is(code, 1);
  assert.match(stderr, "tsrun: unknown command 'nope'");
});

test.run();
