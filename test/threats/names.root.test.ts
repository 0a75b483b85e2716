import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { treeState } from '../support/tree-state.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('names, words and pids'), root(), overlay(), tool('cc'), tool('python3'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const HOSTILE = [
  '../../x',
  '..',
  '.',
  '/',
  '/etc',
  'a/b',
  'a\nb',
  'a\x1b[31mb',
  '-',
  'é',
  ' a',
  'a ',
  '',
  '.a',
  '_a',
  'a'.repeat(300),
  '%2e%2e',
  'a\\b',
  '$(id)',
  '*',
];

test('names/ids as paths (CVE-2014-9358): a hostile --name is refused before anything is made', () => {
  world.run(['true']);
  const state = treeState(world.dataRoot, { times: false });
  for (const name of HOSTILE.filter(Boolean)) {
    const { code, stdout, stderr } = world.run(['true'], [`--name=${name}`]);
    assert.is(code, 125, JSON.stringify(name));
    assert.is(stdout, '');
    assert.match(stderr, /^tsrun: [^\x00-\x09\x0b-\x1f\x7f]*\n/, JSON.stringify(name));
    assert.not.match(stderr, /[\x00-\x09\x0b-\x1f\x7f]|internal error/);
  }
  assert.is(treeState(world.dataRoot, { times: false }), state);
});

test('names/ids as paths (CVE-2014-9358): a hostile reference finds nothing, by every verb', () => {
  world.tsrun.run(['run', '--name', 'there', world.rootfs, 'true']);
  mkdirSync(join(world.dataRoot, 'x'));
  write(join(world.dataRoot, 'x', 'container.json'), '{"version":1}');
  const state = treeState(world.dataRoot, { times: false });
  const verbs = [['start', '-a'], ['rm', '-f'], ['rm'], ['inspect'], ['exec'], ['diff']];
  for (const verb of verbs) {
    for (const reference of [...HOSTILE, '../x', '../containers', '\0'].filter((name) => !name.includes('\0'))) {
      const words = [...verb, '--', reference, ...(verb[0] === 'exec' ? ['true'] : [])];
      const { code, stderr } = world.tsrun.run(words);
      assert.ok(code !== 0, `${words}`);
      assert.not.match(stderr, /[\x00-\x09\x0b-\x1f\x7f]|internal error/, `${JSON.stringify(words)}: ${stderr}`);
    }
  }
  assert.is(treeState(world.dataRoot, { times: false }), state);
});

test('log/terminal injection: control characters in words of the command line are escaped in messages', () => {
  const evil = 'e\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e';
  const calls = [
    ['run', '--rm', world.rootfs, evil],
    ['run', '--rm', world.rootfs, `/${evil}`],
    ['run', '--rm', join(world.dir, evil), 'true'],
    ['run', '--rm', '-u', evil, world.rootfs, 'true'],
    ['run', '--rm', '-w', evil, world.rootfs, 'true'],
    ['run', '--rm', '-l', `${evil}=${evil}`, world.rootfs, `/${evil}`],
    ['run', '--rm', '-v', `/${evil}:relative`, world.rootfs, 'true'],
    ['run', '--rm', `--${evil}`, world.rootfs, 'true'],
    ['run', '--rm', '--network', evil, world.rootfs, 'true'],
    ['run', '--rm', '--cap-add', evil, world.rootfs, 'true'],
    ['run', '--plan', '-l', `a=${evil}`, world.rootfs, evil],
    [evil],
    ['--data-root', `/proc/${evil}`, 'run', world.rootfs, 'true'],
  ];
  for (const words of calls) {
    const { code, stdout, stderr } = world.tsrun.run(words);
    assert.ok(code !== 0 || words.includes('--plan'), JSON.stringify(words));
    assert.not.match(
      stdout + stderr,
      /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/,
      `${JSON.stringify(words)}: ${JSON.stringify(stderr)}`,
    );
  }
});

test('log/terminal injection: a hostile file of the root cannot forge lines of a message', () => {
  const rootfs = world.copy();
  write(join(rootfs, 'bin/\x1b[31mred'), '#!/no/such/\x1b[31minterpreter\n', 0o755);
  const { code, stderr } = world.run(['/bin/\x1b[31mred'], [], { rootfs });
  assert.is(code, 127);
  assert.not.match(stderr, /\x1b/);
});

test('image config steers the runtime (CVE-2026-53488): labels are never orders', () => {
  const labels = [
    'org.tsrun.init=true',
    'tsrun.init=true',
    'org.tsrun.lowerdirs=["/"]',
    '__proto__=x',
    'constructor=y',
  ];
  const { code, stdout } = world.run(
    ['readlink', '/proc/1/exe'],
    labels.flatMap((label) => ['-l', label]),
  );
  assert.is(code, 0);
  assert.not.match(stdout, /tsrun-init/);
});

test('pid reuse: a process of the same pid and another start time is not signalled', async () => {
  const bystander = spawn('sleep', ['600']);
  try {
    await once(bystander, 'spawn');
    const cid = join(world.dir, 'cid-reuse');
    world.tsrun.run(['run', '--cidfile', cid, world.rootfs, 'true']);
    const id = readFileSync(cid, 'utf8');
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${bystander.pid}/stat`, 'utf8').split(' ');
    const startTime = stat[21]!;
    const pretend = (state: object): void => {
      mkdirSync(join(world.runRoot, id), { recursive: true });
      writeFileSync(
        join(world.runRoot, id, 'state.json'),
        JSON.stringify({ version: 1, startedAt: '2026-01-01T00:00:00Z', ...state }),
      );
    };
    const others = [
      { bootId, pid: bystander.pid, startTime: String(Number(startTime) + 1) },
      { bootId: 'another-boot', pid: bystander.pid, startTime },
      { bootId, pid: bystander.pid },
      { bootId, pid: -1, startTime },
      { bootId, pid: 0, startTime: '0' },
    ];
    for (const state of others) {
      pretend(state);
      const { code, stdout } = world.tsrun.run(['start', '-a', id]);
      assert.is(code, 0, `it counts as ended and starts again: ${JSON.stringify(state)} ${stdout}`);
      pretend(state);
      const exec = world.tsrun.run(['exec', id, 'true']);
      assert.ok(exec.code !== 0, 'exec enters nobody’s namespaces');
    }
    pretend(others[0]!);
    assert.is(world.tsrun.run(['rm', '-f', id]).code, 0);
    assert.not.ok(existsSync(join(world.runRoot, id)));
    assert.is(bystander.exitCode, null);
    assert.is(bystander.signalCode, null);
    process.kill(bystander.pid!, 0);
  } finally {
    bystander.kill('SIGKILL');
  }
});

test.run();
