import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('run: volumes and odd paths'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

/** Shells and `mount` have each their own idea of some of these. */
const ODD = [
  'with space',
  'a:b',
  'a,b',
  'a\\b',
  'a\\,b',
  'ünïcödé €',
  "quo'te",
  'quo"te',
  'new\nline',
  '$HOME',
  '-dash',
  '%s',
  'trailing ',
  '#hash',
  '\\040',
  'lowerdir=x,upperdir=y',
];

function source(name: string): string {
  const path = join(world.dir, 'sources', name);
  mkdirSync(path, { recursive: true });
  write(join(path, 'file'), `of ${name}`);
  return path;
}

test('-v: a directory, seen from both sides', () => {
  const path = source('plain');
  assert.is(world.shell('cat /v/file; echo new > /v/made', ['-v', `${path}:/v`]), 'of plain');
  assert.is(readFileSync(join(path, 'made'), 'utf8'), 'new\n');
});

test('-v: read-only, with ro', () => {
  const path = source('readonly');
  assert.is(world.run(['sh', '-c', 'touch /v/x'], ['-v', `${path}:/v:ro`]).code, 1);
  assert.match(world.run(['sh', '-c', 'touch /v/x'], ['-v', `${path}:/v:ro`]).stderr, /Read-only file system/);
  assert.not.ok(existsSync(join(path, 'x')));
});

test('-v: read-only keeps what the source’s own mount forbids', () => {
  const path = source('nosuid');
  world.host('mount', '-t', 'tmpfs', '-o', 'nosuid,nodev,noexec', 'test', path);
  try {
    assert.match(
      world.shell('awk \'$5 == "/v" {print $6}\' /proc/self/mountinfo', ['-v', `${path}:/v:ro`]),
      /^ro,nosuid,nodev,noexec/,
    );
  } finally {
    world.host('umount', path);
  }
});

test('--tmpfs: over a directory with the mode of that, else open to all, also when it is started again', () => {
  const [rootfs, path] = [world.copy(), source('below-tmpfs')];
  for (const [name, mode] of [
    ['private', 0o750],
    ['sticky', 0o3777],
    ['told', 0o755],
  ] as const) {
    mkdirSync(join(rootfs, name));
    chmodSync(join(rootfs, name), mode);
  }
  const mounts = ['/private', '/sticky:size=1m', '/told:mode=711', '/new'].flatMap((text) => ['--tmpfs', text]);
  const all = ['private', 'sticky', 'told', 'new', 'v/new'];
  const flags = [...mounts, '-v', `${path}:/v`, '--tmpfs', '/v/new', '--name', 'modes'];
  const first = world.tsrun.run(['run', ...flags, rootfs, 'stat', '-c', '%a %n', ...all.map((name) => `/${name}`)]);
  const expected = '750 /private\n3777 /sticky\n711 /told\n1777 /new\n';
  assert.is(first.stdout, `${expected}1777 /v/new\n`, first.stderr);
  assert.is(world.tsrun.run(['start', '-a', 'modes']).stdout, `${expected}755 /v/new\n`);
  assert.is(statSync(join(path, 'new')).mode & 0o7777, 0o755, 'a directory of the host is nobody’s to write to');
  world.tsrun.run(['rm', 'modes']);
});

test('-v: nested, whatever the order of the flags', () => {
  const [outer, inner] = [source('outer'), source('inner')];
  for (const flags of [
    ['-v', `${outer}:/v`, '-v', `${inner}:/v/in/deep`],
    ['-v', `${inner}:/v/in/deep`, '-v', `${outer}:/v`],
  ])
    assert.is(world.shell('cat /v/file /v/in/deep/file', flags), 'of outerof inner');
});

test('-v: a file on a file, and on nothing', () => {
  const path = join(source('files'), 'file');
  assert.is(
    world.shell('cat /etc/passwd /new/deep/f', ['-v', `${path}:/etc/passwd:ro`, '-v', `${path}:/new/deep/f`]),
    'of filesof files',
  );
  assert.not.match(readFileSync(join(world.rootfs, 'etc/passwd'), 'utf8'), /of files/);
  assert.not.ok(existsSync(join(world.rootfs, 'new')));
});

test('-v: a directory on a file, or a file on a directory, is refused', () => {
  const path = source('kinds');
  for (const [volume, words] of [
    [`${path}:/etc/passwd`, /"etc\/passwd".*: ENOTDIR .*\nhint: /],
    [`${path}/file:/etc`, /"etc".*: EISDIR .*\nhint: what is to be mounted is a file/],
  ] as const) {
    const { code, stderr } = world.run(['true'], ['-v', volume]);
    assert.is(code, 125);
    assert.match(stderr, words);
  }
  assert.equal(world.ids(), []);
});

test('-v makes a missing source, --mount does not', () => {
  const missing = join(world.dir, 'sources/missing/deep');
  assert.is(world.run(['true'], ['--mount', `type=bind,source=${missing},target=/v`]).code, 125);
  assert.not.ok(existsSync(missing));
  assert.is(world.run(['true'], ['-v', `${missing}:/v`]).code, 0);
  assert.ok(existsSync(missing));
});

test('a volume on /etc/hosts takes the place of ours', () => {
  assert.is(world.shell('cat /etc/hosts', ['-v', `${join(source('hosts'), 'file')}:/etc/hosts`]), 'of hosts');
});

for (const name of ODD) {
  test(`odd path ${JSON.stringify(name)}: as a source, as a target`, () => {
    const path = source(name);
    const csv = (field: string): string => `"${field.replaceAll('"', '""')}"`;
    const mount = `type=bind,${csv(`source=${path}`)},target=/v`;
    const refused = name.includes('\n')
      ? /a line break/
      : name.endsWith(' ')
        ? /value should not have whitespace/
        : undefined;
    if (refused) assert.match(world.run(['true'], ['--mount', mount]).stderr, refused);
    else {
      assert.is(world.shell('cat /v/file', ['--mount', mount]), `of ${name}`);
      const target = `type=bind,source=${source('for-target')},${csv(`target=/v/${name}`)}`;
      assert.is(world.run(['cat', `/v/${name}/file`], ['--mount', target]).stdout, 'of for-target');
    }
    if (name.includes(':')) return;
    assert.is(world.shell('cat /v/file', ['-v', `${path}:/v`]), `of ${name}`);
  });

  test(`odd path ${JSON.stringify(name)}: as the root directory and as the data root`, () => {
    const rootfs = join(world.dir, `root-${name}`);
    world.host('cp', '-al', world.rootfs, rootfs);
    const dataRoot = join(world.dir, `data-${name}`);
    for (const flags of [[], ['--data-root', dataRoot]]) {
      const { code, stdout, stderr } = world.tsrun.run([
        ...flags,
        'run',
        '--rm',
        rootfs,
        'sh',
        '-c',
        '. /.tsrunenv; printf "%s\\n" "$rootfs"; touch /x',
      ]);
      assert.is(code, 0, stderr);
      assert.is(stdout, `${rootfs.replaceAll('\n', ' ')}\n`);
    }
    assert.not.ok(existsSync(join(rootfs, 'x')));
    assert.ok(existsSync(join(dataRoot, 'overlay2')));
    rmSync(rootfs, { recursive: true });
  });
}

test('the root directory: relative, with a slash at the end, through a link', () => {
  const options = { cwd: world.dir };
  world.host('ln', '-s', 'rootfs', join(world.dir, 'link'));
  for (const rootfs of [
    'rootfs',
    './rootfs',
    'rootfs/',
    'rootfs//.',
    `../${world.dir.split('/').at(-1)}/rootfs`,
    'link',
    'link/',
  ])
    assert.is(world.run(['echo', 'x'], [], { ...options, rootfs }).stdout, 'x\n', rootfs);
});

test('the data root: relative, and through a link', () => {
  world.host('ln', '-s', world.dir, join(world.dir, 'again'));
  for (const dataRoot of ['relative-data', './again/linked-data'])
    assert.is(
      world.tsrun.run(['--data-root', dataRoot, 'run', '--rm', world.rootfs, 'echo', 'x'], { cwd: world.dir }).stdout,
      'x\n',
      dataRoot,
    );
  assert.ok(existsSync(join(world.dir, 'relative-data/overlay2')));
  assert.ok(existsSync(join(world.dir, 'linked-data/overlay2')));
});

test('the host’s / is no root directory for what lies in it', () => {
  const { code, stderr } = world.run(['true'], [], { rootfs: '/' });
  assert.ok(code === 0 || (code === 125 && /hint: /.test(stderr)), `${code} ${stderr}`);
  assert.equal(world.ids(), []);
});

test('two containers on one root directory do not see each other', async () => {
  const first = world.start(['sh', '-c', 'touch /tmp/first; echo up; read x; ls /tmp'], ['-i']);
  await first.waitFor('up');
  assert.is(world.shell('ls /tmp; touch /tmp/second'), '');
  first.child.stdin!.end('\n');
  assert.is((await first.ended).stdout, 'up\nfirst\n');
});

test.run();
