import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('ps, rm'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
  tsrun.run(['run', '--name', 'oldest', '--label', 'tier=db', tsrun.rootfs, 'true']);
  tsrun.run(['run', '--name', 'failed', '-l', 'tier=web', '-l', 'x', tsrun.rootfs, 'sh', '-c', 'exit 3']);
  await tsrun.container('alive');
});
test.after(() => tsrun.close());

const names = (...args: string[]): string[] =>
  expectOk(tsrun.run(['ps', '--format', '{{.Names}}', ...args]))
    .split('\n')
    .filter(Boolean);

test('a table of what runs, in docker’s columns', () => {
  const [head = '', row = '', ...rest] = expectOk(tsrun.run(['ps']))
    .trimEnd()
    .split('\n');
  assert.match(head, /^CONTAINER ID {3}IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
  assert.match(
    row,
    /^[0-9a-f]{12} {3}\S+rootfs +"sh -c echo ready; e…" +(Less than a|\d+) seconds? ago +Up .*seconds? +alive$/,
  );
  assert.equal(rest, []);
});

test('-a lists all, newest first, and how they ended', () => {
  assert.equal(names('-a'), ['alive', 'failed', 'oldest']);
  const table = expectOk(tsrun.run(['ps', '-a']));
  assert.match(table, /Exited \(3\) .* ago +failed\n/);
  assert.match(table, /Exited \(0\) .* ago +oldest\n/);
});

test('-q and --no-trunc', () => {
  const short = expectOk(tsrun.run(['ps', '-q'])).trim();
  const long = expectOk(tsrun.run(['ps', '-q', '--no-trunc'])).trim();
  assert.match(long, /^[0-9a-f]{64}$/);
  assert.is(short, long.slice(0, 12));
  assert.match(expectOk(tsrun.run(['ps', '--no-trunc'])), /"sh -c echo ready; exec sleep 600"/);
});

test('-s: what it wrote, and that with its root; `container ls` is ps', () => {
  expectOk(tsrun.run(['exec', 'alive', 'sh', '-c', 'printf 12345 >/five; mkdir /dir']));
  const size = /^5B \(virtual [1-9][0-9.]*[kM]B\)$/;
  const table = expectOk(tsrun.run(['ps', '-s']))
    .trimEnd()
    .split('\n');
  assert.match(table[0] ?? '', /NAMES +SIZE$/);
  assert.match(table[1]?.split(/ {3,}/).at(-1) ?? '', size);
  const asked = ['--format', '{{.Size}}', '--filter', 'name=alive'];
  for (const verb of [['ps'], ['container', 'ls'], ['container', 'list'], ['container', 'ps']])
    assert.match(expectOk(tsrun.run([...verb, ...asked])).trim(), size, verb.join(' '));
  assert.is(JSON.parse(expectOk(tsrun.run(['ps', '-l', '--format', 'json']))).Size, '0B', 'nobody asked');
  assert.is(expectOk(tsrun.run(['container', 'ls', '-aq'])), expectOk(tsrun.run(['ps', '-aq'])));
});

test('-n and -l count from the newest, whatever its state', () => {
  assert.equal(names('-n', '2'), ['alive', 'failed']);
  assert.equal(names('-l'), ['alive']);
  assert.equal(names('-n', '-1'), ['alive']);
  assert.is(tsrun.run(['ps', '-n', 'x']).code, 125);
});

test('filters', () => {
  const id = expectOk(tsrun.run(['ps', '-q', '--no-trunc'])).trim();
  const table: [string[], string[]][] = [
    [['-a', '-f', 'name=ol'], ['oldest']],
    [['-a', '-f', 'name=^/?fail'], ['failed']],
    [['-a', '-f', 'name=['], []],
    [['-a', '-f', `id=${id.slice(0, 9)}`], ['alive']],
    [
      ['-f', 'status=exited'],
      ['failed', 'oldest'],
    ],
    [
      ['-f', 'status=exited', '-f', 'status=running'],
      ['alive', 'failed', 'oldest'],
    ],
    [['-a', '-f', 'exited=3'], ['failed']],
    [
      ['-a', '-f', 'exited=3', '-f', 'exited=0'],
      ['failed', 'oldest'],
    ],
    [['-f', 'exited=3'], []],
    [
      ['-a', '-f', 'label=tier'],
      ['failed', 'oldest'],
    ],
    [['-a', '-f', 'label=tier=web'], ['failed']],
    [['-a', '-f', 'label=tier', '-f', 'label=x'], ['failed']],
  ];
  for (const [args, expected] of table) assert.equal(names(...args), expected, args.join(' '));
  for (const bad of ['size=3', 'name', 'status=sleeping', 'exited=x']) {
    const { code, stderr } = tsrun.run(['ps', '-f', bad]);
    assert.is(code, bad === 'name' ? 125 : 1, `${bad}: 125 is for what is no filter at all`);
    assert.match(stderr, /invalid filter/);
  }
});

test('--format json is one object a line', () => {
  const rows = expectOk(tsrun.run(['ps', '-a', '--format', 'json']))
    .trim()
    .split('\n');
  const row = JSON.parse(rows[1] ?? '') as Record<string, string>;
  assert.is(rows.length, 3);
  assert.is(row.Names, 'failed');
  assert.is(row.State, 'exited');
  assert.is(row.Labels, 'tier=web,x=');
});

test('an escape sequence of a command or a label does not reach the terminal', () => {
  const nasty = '\u001b[2J\u009b\u202e';
  tsrun.run(['run', '--name', 'nasty', '--label', `k=${nasty}`, tsrun.rootfs, 'true', nasty]);
  const formats = [
    [],
    ['--format', '{{.Label "k"}} {{.Labels}} {{.Command}}'],
    ['--format', 'json'],
    ['--format', '{{json .}}'],
  ];
  for (const format of formats) {
    const text = expectOk(tsrun.run(['ps', '-a', '--no-trunc', ...format]));
    assert.not.match(text, /[\u001b\u009b\u202e]/, format.join(' '));
  }
  const json = expectOk(tsrun.run(['ps', '-l', '--format', 'json']));
  assert.is((JSON.parse(json) as { Labels: string }).Labels, `k=${nasty}`);
  expectOk(tsrun.run(['rm', 'nasty']));
});

test('rm says what it was given, goes on after an error, and spares what runs', () => {
  const gone = tsrun.run(['run', '--name', 'gone', tsrun.rootfs, 'true']);
  assert.is(gone.code, 0);
  const { code, stdout, stderr } = tsrun.run(['rm', 'nope', 'alive', '../x', 'gone']);
  assert.is(code, 1);
  assert.is(stdout, 'gone\n');
  assert.match(stderr, /No such container: nope/);
  assert.match(stderr, /"\/alive": container is running/);
  assert.match(stderr, /invalid container name or ID/);
  assert.equal(names('-a'), ['alive', 'failed', 'oldest']);
});

test('a damaged record is listed, warned of, and does not hide the others', () => {
  const garbage = ['', '{', '{"version":1}', '\0\0\0', '[]', '{"version":99}'];
  const ids = garbage.map((_, index) => `${index}`.repeat(64));
  garbage.forEach((text, index) => {
    mkdirSync(join(tsrun.dataRoot, 'containers', ids[index] ?? ''));
    writeFileSync(join(tsrun.dataRoot, 'containers', ids[index] ?? '', 'container.json'), text);
  });
  const { code, stdout, stderr } = tsrun.run(['ps', '-a', '--format', '{{.ID}} {{.Status}}|{{.Names}}']);
  assert.is(code, 0);
  for (const id of ids) {
    assert.ok(stdout.includes(`${id.slice(0, 12)} Dead|\n`), `${id}: ${stdout}`);
    assert.match(stderr, new RegExp(`warning: .*${id}`));
  }
  assert.not.match(stderr, /internal error|\n +at /);
  assert.equal(names('-a', '-f', 'status=exited'), ['failed', 'oldest']);
  const one = ids[1] ?? '';
  assert.is(tsrun.run(['rm', one]).code, 1);
  assert.is(tsrun.run(['inspect', one]).code, 1);
  expectOk(tsrun.run(['rm', '-f', ...ids]));
  assert.equal(names('-a'), ['alive', 'failed', 'oldest']);
});

test('rm -f ends what runs and leaves nothing', () => {
  const ids = tsrun.ids();
  expectOk(tsrun.run(['rm', '-f', 'alive', 'failed', 'oldest']));
  assert.equal(tsrun.leftovers(ids), []);
});

test.run();
