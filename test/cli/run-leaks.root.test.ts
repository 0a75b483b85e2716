import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { treeState, withoutEvents } from '../support/tree-state.ts';
import { namesOfRuns } from '../support/tsrun.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('run: nothing is left'), root(), overlay(), tool('cc'), tool('python3'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const state = (): string =>
  [world.dataRoot, world.runRoot]
    .map((path) => (existsSync(path) ? withoutEvents(treeState(path, { times: false })) : ''))
    .join('\n');
const watched = (): string[] => [world.probe, 'watch'];
const ownMounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(world.dir) || line.includes(world.dataRoot));

test('the root directory stays as it is, to the last extended attribute, whatever the container does', () => {
  const rootfs = join(world.dir, 'immutable');
  world.host('cp', '-a', world.rootfs, rootfs);
  const deep = join(rootfs, 'srv/deep/deeper');
  mkdirSync(deep, { recursive: true });
  write(join(deep, 'file'), 'content', 0o4711);
  write(Buffer.concat([Buffer.from(`${rootfs}/srv/raw-`), Buffer.from([0xff, 0xfe])]), 'not UTF-8');
  symlinkSync('/etc/passwd', join(rootfs, 'srv/link'));
  world.host('ln', join(deep, 'file'), join(rootfs, 'srv/hard'));
  world.host('mkfifo', join(rootfs, 'srv/fifo'));
  world.host('mknod', join(rootfs, 'srv/null'), 'c', '1', '3');
  world.host('chown', '12:34', join(rootfs, 'srv/hard'));
  world.host(
    'python3',
    '-c',
    'import os,sys; p=sys.argv[1]; os.setxattr(p,"user.x",b"1"); os.setxattr(p,"trusted.y",b"2"); os.setxattr(p,"security.capability",bytes.fromhex("0100000200040000000000000000000000000000"))',
    join(deep, 'file'),
  );
  const before = treeState(rootfs);
  const script = `
    echo more >> /srv/deep/deeper/file; chmod 777 /srv/hard; chown 1:1 /srv/link /srv/fifo; touch -d @0 /srv /srv/deep /etc/passwd
    rm -r /srv/deep; mv /srv/hard /srv/soft; mv /usr /usr2; mkdir /usr; rm -rf /etc /home /var; mkdir /etc; : > /etc/passwd; rm /srv/link; mkdir /srv/link
    chmod -R a+w /srv 2>/dev/null; chown -R 5:5 / 2>/dev/null; find / -xdev -type f -exec touch {} + 2>/dev/null; echo done`;
  for (const flags of [['--rm'], ['--rm', '--privileged'], ['--name', 'kept']]) {
    const { stdout, stderr } = world.tsrun.run(['run', ...flags, rootfs, 'bash', '-c', script]);
    assert.match(stdout, /done\n$/, stderr);
    assert.is(treeState(rootfs), before, flags.join(' '));
  }
  assert.is(world.tsrun.run(['start', '-a', 'kept']).code, 127, 'what it wrote is still there: /usr is empty');
  assert.is(treeState(rootfs), before);
  assert.is(world.tsrun.run(['rm', 'kept']).code, 0);
});

test('a start that fails leaves the container as its last run left it', () => {
  const script = 'rm -rf /usr /bin /lib /lib64 /sbin; exit 3';
  const end = (): string => world.tsrun.run(['inspect', '-f', '{{json .State}}', 'spoilt']).stdout;
  assert.is(world.tsrun.run(['run', '--name', 'spoilt', world.rootfs, 'sh', '-c', script]).code, 3);
  const records = (): string =>
    treeState(join(world.dataRoot, 'containers'), { times: false }) + namesOfRuns(world.runRoot);
  const before = [end(), records()];
  assert.match(before[0]!, /"ExitCode":3,"Error":"",/);
  const { code, stderr } = world.tsrun.run(['start', '-a', 'spoilt'], { through: watched() });
  assert.is(code, 127, stderr);
  assert.equal([end(), records()], before);
  assert.is(world.tsrun.run(['rm', 'spoilt']).code, 0);
});

test('start when the root directory has gone away: which it was, and the container stays', () => {
  const rootfs = world.copy();
  assert.is(world.tsrun.run(['run', '--name', 'rootless', rootfs, 'sh', '-c', 'exit 4']).code, 4);
  rmSync(rootfs, { recursive: true });
  const { code, stderr } = world.tsrun.run(['start', '-a', 'rootless']);
  assert.is(code, 125);
  assert.is(stderr.split('\n')[0], `tsrun: start rootless: ${rootfs}: no such directory`);
  assert.is(world.tsrun.run(['inspect', '-f', '{{.State.ExitCode}}', 'rootless']).stdout, '4\n');
  assert.is(world.tsrun.run(['rm', 'rootless']).code, 0);
});

test('60 runs in a row leave no mount, cgroup, process, zombie or file', () => {
  world.run(['true']);
  const before = state();
  const ids: string[] = [];
  const kinds: [string[], string[], number][] = [
    [['true'], [], 0],
    [['sh', '-c', 'sleep 600 & exit 3'], [], 3],
    [['sh', '-c', 'setsid sleep 600 & exit 4'], ['--init'], 4],
    [['/no/such'], [], 127],
    [['sh', '-c', 'mkdir -p /a/b; echo x > /a/b/c; rm /etc/passwd; kill -9 $$; exit 5'], ['--network', 'none'], 5],
    [['cat'], ['-i', '-t'], 1],
  ];
  for (let i = 0; i < 60; i++) {
    const [command, flags, code] = kinds[i % kinds.length]!;
    const cidfile = join(world.dir, `cid-${i}`);
    const result = world.run(command, [...flags, '--cidfile', cidfile], { through: watched() });
    assert.is(result.code, code, `run ${i}: ${result.stderr}`);
    if (existsSync(cidfile)) ids.push(readFileSync(cidfile, 'utf8'));
  }
  assert.ok(ids.length >= 40);
  assert.equal(
    world.tsrun.leftovers(ids).filter((path) => !path.endsWith('/lock')),
    [],
  );
  assert.is(state(), before);
  assert.equal(ownMounts(), []);
});

test('the watch for leaked processes can find one', () => {
  const live = world.host('sh', '-c', '"$1" watch sh -c "setsid sleep 3 & exit 0"; echo $?', '-', world.probe);
  assert.is(live.trim(), '99');
});

test('a kept container leaves its layers and its record, and nothing that runs', () => {
  const cidfile = join(world.dir, 'cid-kept');
  const { code } = world.tsrun.run(
    ['run', '--name', 'kept', '--cidfile', cidfile, world.rootfs, 'sh', '-c', 'echo kept > /kept; exit 2'],
    {
      through: watched(),
    },
  );
  assert.is(code, 2);
  const id = readFileSync(cidfile, 'utf8');
  assert.equal(world.ids(), [id]);
  const left = world.tsrun.leftovers([id]);
  assert.not.ok(
    left.some((path) => path.startsWith('/sys') || path.startsWith(world.runRoot)),
    `${left}`,
  );
  const layers = readdirSync(join(world.dataRoot, 'overlay2')).filter((name) => /^[0-9a-f]{64}$/.test(name));
  assert.is(layers.length, 1);
  assert.is(readFileSync(join(world.dataRoot, 'overlay2', layers[0]!, 'diff/kept'), 'utf8'), 'kept\n');
  assert.is(world.tsrun.run(['rm', 'kept']).code, 0);
  assert.equal(world.tsrun.leftovers([id]), []);
});

test('start -a runs again on what was written, with the same environment and exit codes', () => {
  const script = 'read n < /n || n=0; n=$((n + 1)); echo $n > /n; echo "$n $KEY"; exit $n';
  const first = world.tsrun.run(['run', '--name', 'again', '-e', 'KEY=v', world.rootfs, 'bash', '-c', script]);
  assert.equal([first.code, first.stdout], [1, '1 v\n'], first.stderr);
  for (const n of [2, 3]) {
    const { code, stdout, stderr } = world.tsrun.run(['start', '-a', 'again'], { through: watched() });
    assert.equal([code, stdout], [n, `${n} v\n`], stderr);
  }
  world.tsrun.run(['rm', 'again']);
});

test('--name: one container of a name; free again after rm', () => {
  assert.is(world.tsrun.run(['run', '--name', 'one', world.rootfs, 'true']).code, 0);
  const before = state();
  const { code, stderr } = world.tsrun.run(['run', '--name', 'one', world.rootfs, 'true']);
  assert.is(code, 125);
  assert.match(stderr, /The container name "\/one" is already in use by container "[0-9a-f]{64}"/);
  assert.is(state(), before);
  assert.is(world.tsrun.run(['rm', 'one']).code, 0);
  assert.is(world.tsrun.run(['run', '--rm', '--name', 'one', world.rootfs, 'true']).code, 0);
  assert.is(world.tsrun.run(['run', '--rm', '--name', 'one', world.rootfs, 'true']).code, 0, '--rm frees it, too');
});

test('--cidfile: the id; refused when it is there, gone after a failed start', () => {
  const file = join(world.dir, 'a-cid');
  const env = world.shell('. /.tsrunenv; echo $id', ['--cidfile', file]);
  assert.is(readFileSync(file, 'utf8'), env);
  const again = world.run(['true'], ['--cidfile', file]);
  assert.is(again.code, 125);
  assert.match(again.stderr, /container ID file found/);
  assert.is(readFileSync(file, 'utf8'), env);
  const failed = join(world.dir, 'failed-cid');
  assert.is(world.run(['/no/such'], ['--cidfile', failed]).code, 127);
  assert.not.ok(existsSync(failed));
  const nowhere = world.run(['true'], ['--cidfile', join(world.dir, 'no/such/dir/cid')], { through: watched() });
  assert.is(nowhere.code, 125, nowhere.stderr);
  assert.match(nowhere.stderr, /^tsrun: run \S+: .*ENOENT/);
  assert.equal(world.ids(), []);
});

test('--cidfile that is a directory or a fifo: refused as any that is there, and not read', () => {
  const fifo = join(world.dir, 'a-fifo-cid');
  world.host('mkfifo', fifo);
  for (const file of [fifo, world.dir]) {
    const { code, stderr } = world.run(['true'], ['--cidfile', file]);
    assert.is(code, 125);
    assert.match(stderr, /^tsrun: run \S+: container ID file found/);
  }
  assert.equal(world.ids(), []);
});

test('--pidfile that is a directory: refused, and no temporary file stays beside it', () => {
  const directory = join(world.dir, 'a-pid-directory');
  mkdirSync(directory);
  const { code, stderr } = world.run(['true'], ['--pidfile', directory]);
  assert.is(code, 125);
  assert.match(stderr, /^tsrun: run \S+: rename.*EISDIR/);
  assert.equal(
    readdirSync(world.dir).filter((name) => name.startsWith('a-pid-directory')),
    ['a-pid-directory'],
  );
  assert.equal(world.ids(), []);
});

test('--pidfile that cannot be written: the container ends, with and without -t, even one that has written more than anybody has read', () => {
  const before = state();
  const flood = 'i=0; while :; do echo "line $i"; i=$((i + 1)); done';
  for (const flags of [[], [], ['-t'], [], ['-t']]) {
    const words = ['run', '--rm', ...flags, '--pidfile', '/proc/nonsuch/pid', world.rootfs, 'sh', '-c', flood];
    const { code, stderr } = world.tsrun.run(words, { through: ['timeout', '-s', 'KILL', '15'] });
    assert.is(code, 125);
    assert.match(stderr, 'ENOENT');
    assert.is(state(), before);
  }
});

test('--pidfile: the pid of the container’s first process, on the host', () => {
  const file = join(world.dir, 'a-pid');
  const pid = world.shell('cut -d" " -f1 /proc/1/sched 2>/dev/null; readlink /proc/self/ns/pid', ['--pidfile', file]);
  assert.match(readFileSync(file, 'utf8'), /^[1-9]\d*$/);
  assert.ok(pid.length > 0);
  const nowhere = world.run(['true'], ['--pidfile', join(world.dir, 'no/such/dir/pid')], { through: watched() });
  assert.is(nowhere.code, 125, nowhere.stderr);
  assert.match(nowhere.stderr, /ENOENT/);
  assert.equal(world.ids(), []);
});

test.run();
