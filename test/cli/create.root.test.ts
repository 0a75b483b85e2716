import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('create'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const create = (...words: string[]) => tsrun.run(['create', ...words]);

test('makes a container that is there, and has not run', () => {
  const { code, stdout, stderr } = create(
    '--name',
    'made',
    '-e',
    'A=5',
    tsrun.rootfs,
    'sh',
    '-c',
    'echo A=$A > /a; cat /a',
  );
  assert.equal([code, stderr], [0, '']);
  assert.match(stdout, /^[0-9a-f]{64}\n$/);
  assert.is(stdout.trim(), tsrun.inspect('made', '{{.Id}}'));
  assert.is(
    tsrun.inspect('made', '{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}}'),
    'created 0 0001-01-01T00:00:00Z',
  );
  assert.match(tsrun.run(['ps', '-a', '--format', '{{.Names}} {{.Status}}']).stdout, 'made Created\n');
  assert.equal(tsrun.run(['start', '-a', 'made']), { code: 0, stdout: 'A=5\n', stderr: '' });
  assert.is(tsrun.inspect('made', '{{.State.Status}}'), 'exited');
  assert.match(expectOk(tsrun.run(['diff', 'made'])), 'A /a');
});

test('create --rm: it waits for its start, whoever wants its name, and is gone after it', () => {
  const id = expectOk(create('--rm', '--name', 'once', tsrun.rootfs, 'echo', 'once')).trim();
  const { code, stderr } = tsrun.run(['run', '--name', 'once', tsrun.rootfs, 'true']);
  assert.is(code, 125);
  assert.match(stderr, `The container name "/once" is already in use by container "${id}"`);
  assert.is(tsrun.run(['start', '-a', 'once']).stdout, 'once\n');
  assert.not.ok(tsrun.ids().includes(id));
});

test('--cidfile, and what cannot be made leaves neither a container nor the file', () => {
  const file = join(tsrun.directory, 'cid');
  const id = expectOk(create('--cidfile', file, tsrun.rootfs, 'true')).trim();
  assert.is(readFileSync(file, 'utf8'), id);
  const before = tsrun.ids();
  assert.match(
    create('--cidfile', file, tsrun.rootfs, 'true').stderr,
    `tsrun: create ${tsrun.rootfs}: container ID file found`,
  );
  assert.match(create('--cidfile', `${file}2`, '--name', 'made', tsrun.rootfs, 'true').stderr, 'is already in use');
  assert.match(create('--cidfile', `${file}2`, '/no-such-root', 'true').stderr, 'tsrun: create /no-such-root: ');
  assert.equal(tsrun.ids(), before);
  assert.not.ok(existsSync(`${file}2`));
});

test('a name that is taken: no directory is made for it', () => {
  const source = join(tsrun.directory, 'source');
  const id = expectOk(create('--name', 'owner', tsrun.rootfs, 'true')).trim();
  for (const words of [['create'], ['run', '--rm'], ['run', '-d']]) {
    const { stderr } = tsrun.run([...words, '--name', 'owner', '-v', `${source}:/x`, tsrun.rootfs, 'true']);
    assert.match(stderr, `The container name "/owner" is already in use by container "${id}"`);
    assert.not.ok(existsSync(source), words.join(' '));
  }
  expectOk(tsrun.run(['rm', 'owner']));
});

test('exec, stop, kill and pause of one that has not run', () => {
  expectOk(create('--name', 'idle', tsrun.rootfs, 'true'));
  assert.is(tsrun.run(['exec', 'idle', 'true']).code, 126);
  assert.is(tsrun.run(['stop', 'idle']).code, 0);
  assert.match(tsrun.run(['kill', 'idle']).stderr, 'is not running');
  assert.match(tsrun.run(['pause', 'idle']).stderr, 'Container idle is not running');
  assert.is(tsrun.run(['rm', 'idle']).code, 0);
});

test.run();
