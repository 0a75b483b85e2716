import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroup, needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Outcome, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('without root'), root(), overlay());
const NOBODY = 65534;
let tsrun: Tsrun;
let pid: string;

test.before(async () => {
  tsrun = await openTsrun();
  await tsrun.container('alive');
  tsrun.run(['run', '--name', 'ended', tsrun.rootfs, 'sh', '-c', 'exit 4']);
  pid = tsrun.inspect('alive', '{{.State.Pid}}');
  chmodSync(tsrun.directory, 0o755);
});
test.after(() => tsrun.close());

const asNobody = (...args: string[]): Outcome => tsrun.run(args, { uid: NOBODY, cwd: '/' });

/** Every file below both roots, with what a write would change. */
function snapshot(): string {
  const format = '%p %i %m %U %G %s %T@ %C@\\n';
  return execFileSync('find', [tsrun.dataRoot, tsrun.runRoot, '-not', '-type', 'l', '-printf', format], {
    encoding: 'utf8',
  });
}

test('the data root is root’s: a clear message, no stack trace', () => {
  for (const args of [['ps'], ['ps', '-a'], ['inspect', 'alive'], ['diff', 'alive']]) {
    const { code, stdout, stderr } = asNobody(...args);
    assert.ok(code !== 0, args.join(' '));
    assert.match(stderr, /EACCES permission denied\nhint: run as root/, args.join(' '));
    assert.not.match(stdout + stderr, /internal error|\n +at |No such/);
  }
});

test('what changes something says that it must be root', () => {
  for (const args of [
    ['rm', '-f', 'alive'],
    ['start', '-a', 'ended'],
    ['run', tsrun.rootfs, 'true'],
  ])
    assert.match(asNobody(...args).stderr, /must be root/, args.join(' '));
});

test('version and info answer', () => {
  assert.match(expectOk(asNobody('version')), /Native ABI: +\d/);
  const { code, stdout, stderr } = asNobody('info');
  assert.is(code, 0);
  assert.match(stdout, /^Containers: unknown\n/);
  assert.match(stdout, / openat2: yes/);
  assert.match(stderr, /WARNING: list containers: .*EACCES/);
});

test('no data root at all is no container', () => {
  const nowhere = join(tsrun.directory, 'nowhere');
  assert.is(expectOk(asNobody('--data-root', nowhere, 'ps', '-aq')), '');
  assert.match(expectOk(asNobody('--data-root', nowhere, 'info')), /^Containers: 0\n/);
});

needs(test, cgroup('pids'))('a data root that may be read: the truth, and nothing is written', () => {
  execFileSync('chmod', ['-R', 'a+rX', tsrun.dataRoot]);
  const before = snapshot();
  assert.is(
    expectOk(asNobody('ps', '-a', '--format', '{{.Names}} {{.State}} {{.Status}}')).replace(/(Up|\(4\)).*/g, '$1'),
    'ended exited Exited (4)\nalive running Up\n',
  );
  const template = '{{.Name}} {{.State.Pid}} {{.State.ExitCode}}';
  assert.is(expectOk(asNobody('inspect', '-f', template, 'alive', 'ended')), `/alive ${pid} 0\n/ended 0 4\n`);
  assert.match(expectOk(asNobody('info')), /^Containers: 2\n Running: 1\n Paused: 0\n Stopped: 1\n/);
  assert.is(asNobody('inspect', 'nope').stderr, 'Error: No such object: nope\n');
  assert.is(snapshot(), before);
});

test('the names may be unreadable and are found all the same', () => {
  execFileSync('chmod', ['-R', 'a+rX', tsrun.dataRoot]);
  chmodSync(join(tsrun.dataRoot, 'names'), 0o700);
  assert.is(expectOk(asNobody('inspect', '-f', '{{.Name}}', 'ended')), '/ended\n');
});

test('a record that may not be read is no missing container', () => {
  const id = tsrun.inspect('ended', '{{.Id}}');
  chmodSync(join(tsrun.dataRoot, 'containers', id, 'exit.json'), 0o600);
  assert.match(asNobody('inspect', id).stderr, /^tsrun: look at container ended: open\(.*EACCES permission denied/);
  chmodSync(join(tsrun.dataRoot, 'containers', id, 'container.json'), 0o600);
  for (const args of [
    ['ps', '-a'],
    ['inspect', id],
  ])
    assert.match(asNobody(...args).stderr, /EACCES permission denied/, args.join(' '));
});

test('a data root of the reader’s own', () => {
  const own = join(tsrun.directory, 'own');
  mkdirSync(own);
  chownSync(own, NOBODY, NOBODY);
  assert.is(expectOk(asNobody('--data-root', own, 'ps', '-a', '-q')), '');
  assert.is(execFileSync('find', [own], { encoding: 'utf8' }), `${own}\n`);
});

test.run();
