import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('rename'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const names = (): string[] => readdirSync(join(tsrun.dataRoot, 'names')).toSorted((a, b) => a.localeCompare(b));

test('one that runs: the new name is its name, the old one is free', async () => {
  const { ended } = await tsrun.container('old');
  const id = tsrun.inspect('old', '{{.Id}}');
  assert.equal(tsrun.run(['rename', 'old', 'new']), { code: 0, stdout: '', stderr: '' });
  assert.is(tsrun.inspect('new', '{{.Name}} {{.Id}}'), `/new ${id}`);
  assert.is(tsrun.run(['inspect', 'old']).code, 1);
  assert.equal(names(), ['new']);
  expectOk(tsrun.run(['run', '--rm', '--name', 'old', tsrun.rootfs, 'true']));
  assert.is(tsrun.run(['kill', 'new']).code, 0);
  await ended;
  assert.is(tsrun.run(['rename', id.slice(0, 12), 'newer']).code, 0);
  assert.equal(names(), ['newer']);
  assert.is(tsrun.run(['rm', 'newer']).code, 0);
  assert.equal(names(), []);
});

test('one with --rm that runs: its monitor frees the name that it has by then', async () => {
  const { ended } = await tsrun.container('first', undefined, ['--rm']);
  const id = tsrun.inspect('first', '{{.Id}}');
  for (const [from, to] of [
    ['first', 'second'],
    ['second', 'third'],
  ] as const)
    assert.is(tsrun.run(['rename', from, to]).code, 0);
  assert.equal(names(), ['third']);
  assert.is(tsrun.run(['kill', 'third']).code, 0);
  await ended;
  await until('the end of the clean-up', () => !existsSync(join(tsrun.dataRoot, 'containers', id)));
  assert.equal(names(), []);
});

test('what is refused, and nothing has changed then', () => {
  for (const name of ['mine', 'theirs']) expectOk(tsrun.run(['create', '--name', name, tsrun.rootfs, 'true']));
  for (const [words, why] of [
    [['mine', 'mine'], 'Renaming a container with the same name as its current name'],
    [['mine', 'theirs'], 'Conflict. The container name "/theirs" is already in use by container'],
    [['mine', 'a/b'], 'Invalid container name (a/b)'],
    [['mine', '..'], 'Invalid container name (..)'],
    [['mine', ''], 'name'],
    [['nobody', 'somebody'], 'No such container: nobody'],
  ] as const) {
    const { code, stderr } = tsrun.run(['rename', ...words]);
    assert.is(code, 1, words.join(' '));
    assert.match(stderr, why);
  }
  assert.equal(names(), ['mine', 'theirs']);
  assert.equal(tsrun.run(['rename', '/mine', 'ours']), { code: 0, stdout: '', stderr: '' }, 'as inspect tells names');
  assert.is(tsrun.inspect('/ours', '{{.Name}}'), '/ours');
  assert.is(tsrun.run(['rename', 'ours', 'mine']).code, 0);
  assert.is(tsrun.inspect('mine', '{{.Name}}'), '/mine');
});

test.run();
