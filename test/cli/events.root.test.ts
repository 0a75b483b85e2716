import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEvent } from '../../src/engine/events/event.ts';
import { cgroup, needs, overlay, root, userNamespace } from '../support/needs.ts';
import { expectOk, type Live, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('events'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const past = (...flags: string[]): string[] =>
  expectOk(tsrun.run(['events', '--since', '0', '--until', '0s', ...flags]))
    .split('\n')
    .slice(0, -1);
const SHORT =
  '{{.Action}}{{with .Actor.Attributes.exitCode}} {{.}}{{end}}{{with .Actor.Attributes.signal}} {{.}}{{end}}';
const actionsOf = (name: string): string[] => past('-f', `container=${name}`, '--format', SHORT);
const idOf = (name: string): string => tsrun.inspect(name, '{{.Id}}');

/** Follows, and listens already when it returns. */
async function follow(...flags: string[]): Promise<Live> {
  const live = tsrun.spawn(['events', ...flags]);
  await until('the watch of the run directory', () => hasInotify(live.child.pid!));
  return live;
}

function hasInotify(pid: number): boolean {
  const found = spawnSync('sh', ['-c', `grep -l "^inotify wd" /proc/${pid}/fdinfo/* 2>/dev/null`], {
    encoding: 'utf8',
  });
  return found.stdout !== '';
}

test('a run, from its making to its removal, in docker’s order', () => {
  const { code } = tsrun.run(['run', '--rm', '--name', 'whole', tsrun.rootfs, 'sh', '-c', 'exit 3']);
  assert.is(code, 3);
  assert.equal(actionsOf('whole'), ['create', 'attach', 'start', 'die 3', 'destroy']);
});

test('a container that is kept, started again and removed', () => {
  tsrun.run(['run', '--name', 'kept', '-l', 'tier=a, b', tsrun.rootfs, 'true']);
  tsrun.run(['start', '-a', 'kept']);
  const id = idOf('kept');
  tsrun.run(['rm', 'kept']);
  assert.equal(actionsOf('kept'), ['create', 'attach', 'start', 'die 0', 'attach', 'start', 'die 0', 'destroy']);
  const [first = ''] = past('-f', 'container=kept');
  const attributes = `(image=${tsrun.rootfs}, name=kept, tier=a, b)`;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) /;
  assert.match(first, time);
  assert.is(first.replace(time, ''), `container create ${id} ${attributes}`);
  const { Actor, status, from, ...rest } = JSON.parse(
    past('-f', 'container=kept', '-f', 'event=die', '--format', 'json')[0]!,
  );
  assert.equal(Actor, {
    ID: id,
    Attributes: { execDuration: '0', exitCode: '0', image: tsrun.rootfs, name: 'kept', tier: 'a, b' },
  });
  assert.equal(
    [status, from, rest.Type, rest.Action, rest.id, rest.scope],
    ['die', tsrun.rootfs, 'container', 'die', id, 'local'],
  );
});

test('detached: nobody attaches, until somebody does', async () => {
  expectOk(tsrun.run(['run', '-d', '--name', 'alone', tsrun.rootfs, 'sh', '-c', 'echo ready; exec sleep 600']));
  assert.equal(actionsOf('alone'), ['create', 'start']);
  const following = await follow('-f', 'container=alone');
  const attached = tsrun.spawn(['attach', '--no-stdin', 'alone']);
  await following.waitFor(' container attach ');
  expectOk(tsrun.run(['kill', 'alone']));
  await attached.ended;
  expectOk(tsrun.run(['start', 'alone']));
  expectOk(tsrun.run(['rm', '-f', 'alone']));
  const first = ['create', 'start', 'attach', 'kill 9', 'die 137'];
  assert.equal(actionsOf('alone'), [...first, 'start', 'kill 9', 'die 137', 'destroy']);
  following.child.kill('SIGINT');
  assert.is((await following.ended).code, 130);
});

test('a command that is not there: the container comes and goes', () => {
  assert.is(tsrun.run(['run', '--name', 'none', tsrun.rootfs, 'nonsuch']).code, 127);
  assert.equal(actionsOf('none'), ['create', 'destroy']);
});

test('what other commands do is told as it happens, each with its attributes', async () => {
  const following = await follow('-f', 'container=busy', '-f', 'container=idle', '--format', SHORT);
  await tsrun.container('busy', "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done");
  const events = ['create', 'attach', 'start'];
  const told = async (...more: string[]) => {
    events.push(...more);
    const wanted = events.map((line) => `${line}\n`).join('');
    await following.waitFor(wanted);
    assert.is(following.stdout(), wanted);
  };
  await told();
  assert.is(tsrun.run(['exec', 'busy', 'sh', '-c', 'exit 7']).code, 7);
  await told('exec_create: sh -c exit 7', 'exec_start: sh -c exit 7', 'exec_die 7');
  expectOk(tsrun.run(['pause', 'busy']));
  expectOk(tsrun.run(['unpause', 'busy']));
  await told('pause', 'unpause');
  expectOk(tsrun.run(['rename', 'busy', 'idle']));
  expectOk(tsrun.run(['kill', '-s', 'WINCH', 'idle']));
  await told('rename', 'kill 28');
  expectOk(tsrun.run(['stop', 'idle']));
  await told('kill 15', 'die 5', 'stop');
  expectOk(tsrun.run(['rm', 'idle']));
  await told('destroy');
  following.child.kill('SIGINT');
  const { code, stderr } = await following.ended;
  assert.equal([code, stderr], [130, '']);
  const names = past('-f', 'container=idle', '--format', '{{.Action}} {{.Actor.Attributes.oldName}}');
  assert.equal(names.slice(0, 2), ['rename /busy', 'kill <no value>']);
  assert.ok(past('-f', 'container=idle', '-f', 'event=die').length === 1, 'it ended under its new name');
  const ids = past('-f', 'label=execID', '--format', '{{.Actor.Attributes.execID}}');
  assert.is(new Set(ids).size, 1, 'all three of an exec have its id');
});

test('rm -f kills; create alone; prune says how much it was', async () => {
  await tsrun.container('forced');
  expectOk(tsrun.run(['rm', '-f', 'forced']));
  assert.equal(actionsOf('forced'), ['create', 'attach', 'start', 'kill 9', 'die 137', 'destroy']);
  expectOk(tsrun.run(['create', '--name', 'made', tsrun.rootfs, 'true']));
  assert.equal(actionsOf('made'), ['create']);
  expectOk(tsrun.run(['container', 'prune', '-f']));
  assert.equal(actionsOf('made'), ['create', 'destroy']);
  assert.match(past('-f', 'event=prune')[0] ?? '', / container prune {2}\(reclaimed=\d+\)$/);
});

needs(test, cgroup('memory'))('who is killed for want of memory: oom comes before die', async () => {
  const hungry = await tsrun.container('hungry', 'echo ready; read go; x=aaaaaaaa; while :; do x=$x$x$x$x; done', [
    '-i',
  ]);
  const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line));
  const limits = hierarchies
    .map((line) => join(line.split(' ')[4]!, `tsrun-${idOf('hungry')}`))
    .flatMap((path) => [join(path, 'memory.limit_in_bytes'), join(path, 'memory.max')])
    .filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  assert.is(limits.length, 1, 'no flag of run limits memory yet: the test does it');
  appendFileSync(limits[0]!, String(16 << 20));
  hungry.child.stdin!.end('go\n');
  await hungry.ended;
  assert.equal(actionsOf('hungry'), ['create', 'attach', 'start', 'oom', 'die 137']);
});

test('nobody reads any more: a quiet end with the next event', async () => {
  const following = await follow('--since', '0');
  await following.waitFor('container create');
  following.child.stdout!.destroy();
  tsrun.run(['run', '--rm', tsrun.rootfs, 'true']);
  const { code, stderr } = await following.ended;
  assert.equal([code, stderr], [0, '']);
});

test('a full file is moved away once, and what follows goes on', async () => {
  const path = join(tsrun.runRoot, 'events.jsonl');
  const [line = ''] = readFileSync(path, 'utf8').split('\n');
  const following = await follow(
    '--format',
    '{{.Action}}',
    '-f',
    'event=create',
    '-f',
    'event=destroy',
    '-f',
    'container=rotated',
  );
  appendFileSync(path, `${line}\n`.repeat(Math.ceil((1 << 20) / line.length)));
  tsrun.run(['run', '--rm', '--name', 'rotated', tsrun.rootfs, 'true']);
  await following.waitFor(/create\ndestroy\n$/);
  following.child.kill('SIGTERM');
  assert.is((await following.ended).code, 143);
  assert.ok(statSync(`${path}.1`).size >= 1 << 20);
  assert.ok(statSync(path).size < 10_000);
  assert.equal(actionsOf('rotated'), ['create', 'attach', 'start', 'die 0', 'destroy'], 'of both files');
});

test('many at once: every line is whole, every run has its own', async () => {
  const names = Array.from({ length: 16 }, (_, i) => `many${i}`);
  const runs = names.map((name) => tsrun.spawn(['run', '--rm', '--name', name, tsrun.rootfs, 'true']));
  for (const { ended } of runs) assert.is((await ended).code, 0);
  const path = join(tsrun.runRoot, 'events.jsonl');
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  assert.ok(lines.every((line) => parseEvent(line) !== undefined && line.startsWith('{"v":1,')));
  for (const name of names)
    assert.equal(past('-f', `container=${name}`, '-f', 'label=name='.concat(name), '--format', '{{.Action}}'), [
      'create',
      'attach',
      'start',
      'die',
      'destroy',
    ]);
});

needs(test, userNamespace())('no inotify left: which limit it is', () => {
  const script = (name: string) => `echo 0 > /proc/sys/user/max_inotify_${name}; exec "$@"`;
  for (const [name, code] of [
    ['instances', 'EMFILE'],
    ['watches', 'ENOSPC'],
  ] as const) {
    const through = ['unshare', '-U', '-r', 'sh', '-c', script(name), '-'];
    const { code: exit, stderr } = tsrun.run(['events'], { through });
    assert.is(exit, 125);
    assert.match(stderr, `: ${code} `);
    assert.match(
      stderr,
      `hint: end another program that watches files, or raise the limit: sysctl fs.inotify.max_user_${name}`,
    );
  }
});

test('nobody but root may read them', () => {
  assert.is(statSync(join(tsrun.runRoot, 'events.jsonl')).mode & 0o777, 0o600);
  const { code, stderr } = tsrun.run(['events', '--until', '0s'], { uid: 65534, cwd: '/' });
  assert.is(code, 125);
  assert.match(stderr, /EACCES permission denied\nhint: run as root/);
});

test.run();
