import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { PROGRAM, until } from '../support/tsrun.ts';
import { cgroupsOf, World, write } from '../support/world.ts';

const test = needs(suite('inherited from the caller'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const launch = (...flags: string[]): string[] => [world.probe, 'launch', ...flags];
const leaky = (): string[] => launch('-o', '3=/', '-o', '7=/', '-o', '8=/etc', '-o', '9=/etc/passwd', '-o', '200=/');
const status = (text: string, field: string): string => text.match(new RegExp(`^${field}:\\s*(.*)$`, 'm'))?.[1] ?? '';

for (const flags of [[], ['--init']]) {
  const how = flags.join('') || 'plain';

  test(`leaked fds (CVE-2024-21626, CVE-2016-9962): only 0, 1 and 2 inside, ${how}`, () => {
    const { stdout } = world.run(['/probe', 'fds'], flags, { through: leaky() });
    assert.is(stdout.trim(), '0 1 2');
    if (flags.length > 0) {
      const ofReaper = world.shell('readlink /proc/1/exe; cd /proc/1/fd; echo *', flags, { through: leaky() });
      assert.match(ofReaper, /^\/memfd:tsrun-init \(deleted\)\n\*$/);
    }
  });

  test(`exe overwrite (CVE-2019-5736): /proc/*/exe leads to no program of the host, ${how}`, () => {
    const monitor = join(import.meta.dirname, '../../native/build/tsrun-monitor');
    const before = statSync(monitor, { bigint: true });
    const script =
      'for p in 1 self; do if (printf bad > /proc/$p/exe) 2>/tmp/stderr; then echo "$p: written"; fi; readlink /proc/$p/exe; done';
    const paths = world.shell(script, [...flags, '--cap-add', 'ALL']);
    assert.not.match(paths, /written/);
    for (const path of paths.split('\n')) assert.match(path, /^\/(usr\/)?bin\/|^\/memfd:tsrun-init/);
    const after = statSync(monitor, { bigint: true });
    assert.equal([after.ino, after.mtimeNs, after.size], [before.ino, before.mtimeNs, before.size]);
  });
}

test('exe overwrite (CVE-2019-5736): a command that is a link to /proc/self/exe finds no host program', () => {
  const rootfs = world.copy();
  symlinkSync('/proc/self/exe', join(rootfs, 'bin/me'));
  for (const flags of [[], ['--init']]) {
    const { code, stdout, stderr } = world.run(['me', '--version'], flags, { rootfs });
    assert.not.match(stdout + stderr, /node|v\d+\.\d+\.\d+|tsrun version/, `it ran ${stdout}`);
    assert.not.equal(code, 0);
  }
});

test('cwd outside (CVE-2024-21626): -w through a descriptor is refused', () => {
  for (const path of [
    '/proc/self/fd/7',
    '/proc/self/fd/7/../..',
    '/proc/self/fd/3',
    '/dev/fd/7',
    '/proc/1/cwd',
    '/proc/self/cwd/..',
  ]) {
    const { code, stdout } = world.run(['sh', '-c', 'test . -ef "$(pwd -P)" && pwd -P'], ['-w', path], {
      through: leaky(),
    });
    if (code === 0) assert.match(stdout, /^\//, `${path} is a directory of the container`);
    else assert.is(stdout, '', `${path}: nothing has run`);
  }
});

test('cwd outside (CVE-2024-21626): a working directory that is a hostile link stays inside', () => {
  const rootfs = world.copy();
  const canary = join(world.dir, 'canary');
  mkdirSync(canary);
  const links = {
    wd1: '/proc/self/fd/7',
    wd2: '/proc/1/cwd',
    wd3: '../../../../..',
    wd4: canary,
    wd5: `../../../../../../..${canary}/new`,
  };
  for (const [name, target] of Object.entries(links)) {
    symlinkSync(target, join(rootfs, name));
    const { code, stdout, stderr } = world.run(
      ['sh', '-c', 'cd -P .; pwd -P; test -e /etc/tsrun-rootfs && echo inside'],
      ['-w', `/${name}`],
      {
        rootfs,
        through: leaky(),
      },
    );
    assert.ok(
      code === 0 ? stdout.endsWith('inside\n') && stdout.startsWith('/') : stdout === '' && code === 125,
      `${name}: ${code} ${stdout}${stderr}`,
    );
  }
  assert.equal(readdirSync(canary), []);
});

test('stdio confusion: whatever of 0, 1 and 2 is closed, nothing of ours takes its place', () => {
  const closed = ['0', '1', '2', '0 1', '0 2', '1 2', '0 1 2'];
  for (const fds of closed) {
    const seen = join(world.dir, `seen-${fds.replaceAll(' ', '')}`);
    mkdirSync(seen);
    const script =
      'for fd in 0 1 2; do readlink /proc/self/fd/$fd; done > /seen/links; /probe fds > /seen/fds; cat > /seen/input; echo stdout; echo stderr >&2';
    const { code, stdout, stderr } = world.run(['sh', '-c', script], ['-i', '-v', `${seen}:/seen`], {
      through: launch(...fds.split(' ').flatMap((fd) => ['-c', fd])),
      input: 'given',
    });
    const what = `closed ${fds}: ${code} ${stdout}${stderr}`;
    assert.is(code, 0, what);
    const links = readFileSync(join(seen, 'links'), 'utf8').trim().split('\n');
    assert.ok(
      links.every((link) => /^pipe:|^\/seen\/links$|^\/dev\/null$/.test(link)),
      `${what} ${links}`,
    );
    assert.is(readFileSync(join(seen, 'fds'), 'utf8').trim(), '0 1 2', what);
    assert.is(readFileSync(join(seen, 'input'), 'utf8'), fds.includes('0') ? '' : 'given', what);
    assert.is(stdout, fds.includes('1') ? '' : 'stdout\n', what);
    assert.is(stderr, fds.includes('2') ? '' : 'stderr\n', what);
  }
});

test('inherited signals: ignored and blocked ones of the caller are default inside', () => {
  const through = launch('-i', '1', '-i', '13', '-i', '15', '-i', '25', '-b', '10', '-b', '2', '-b', '34');
  for (const flags of [[], ['--init']]) {
    const { stdout } = world.run(['cat', '/proc/self/status'], flags, { through });
    for (const field of ['SigIgn', 'SigBlk', 'SigPnd', 'ShdPnd'])
      assert.is(status(stdout, field), '0'.repeat(16), `${field} ${flags}`);
  }
  const plain = world.run(['cat', '/proc/self/status']).stdout;
  assert.is(status(plain, 'SigIgn'), '0'.repeat(16), 'Node ignores SIGPIPE and SIGXFSZ for itself');
});

test('umask: the caller’s changes nothing inside nor in the data root', () => {
  const modes = (umask: string): string => {
    const inside = world.shell(
      'umask; touch /tmp/f; mkdir /tmp/d; stat -c %a /tmp/f /tmp/d / /dev /dev/shm /etc/hosts /.tsrunenv /w',
      ['-w', '/w'],
      {
        through: launch('-u', umask),
      },
    );
    const id = world.tsrun.run(['run', '--cidfile', join(world.dir, `cid${umask}`), world.rootfs, 'true'], {
      through: launch('-u', umask),
    });
    assert.is(id.code, 0, id.stderr);
    const container = readFileSync(join(world.dir, `cid${umask}`), 'utf8');
    const find = world.host('find', world.dataRoot, '-path', `*${container.slice(0, 12)}*`, '-printf', '%m %P\n');
    return `${inside}\n${find.replaceAll(container, 'ID')}`;
  };
  const [open, usual, closed] = ['000', '022', '077'].map(modes);
  assert.is(open, usual);
  assert.is(closed, usual);
  assert.match(usual!, /^0022\n644\n755\n/);
});

test('limits: those of the caller hold, as Docker passes its own; a core limit too', () => {
  const limits = world.shell('ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc', [], {
    through: launch('-n', '333', '-C', '4096'),
  });
  assert.is(limits, '333\n333\n0\n8');
  const set = world.shell('ulimit -Sn; ulimit -Hn', ['--ulimit', 'nofile=64:128'], { through: launch('-n', '333') });
  assert.is(set, '64\n128');
});

test('env / secrets (CVE-2021-3602): the caller’s environment is neither inside nor in the monitor', async () => {
  const env = { SECRET: 'in-the-environment' };
  const cid = join(world.dir, 'cid-secret');
  const script = 'env; cat /proc/1/environ; echo .; read x';
  const running = world.start(['sh', '-c', script], ['-i', '--cidfile', cid], { env });
  await running.waitFor('.\n');
  assert.not.match(running.stdout(), /SECRET|in-the-environment/);
  const id = readFileSync(cid, 'utf8');
  const inside = new Set(
    cgroupsOf(id).flatMap((path) => readFileSync(join(path, 'cgroup.procs'), 'utf8').trim().split('\n')),
  );
  assert.ok(inside.size > 0);
  const first = [...inside].map(Number).sort((a, b) => a - b)[0]!;
  const monitor = Number(readFileSync(`/proc/${first}/status`, 'utf8').match(/^PPid:\s*(\d+)$/m)![1]);
  for (const pid of [monitor, running.child.pid!]) {
    assert.match(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /^tsrun-monitor\0/);
    assert.is(readFileSync(`/proc/${pid}/environ`, 'latin1'), '');
    assert.not.ok(inside.has(String(pid)), 'cgroups: the monitor is not in the container’s');
  }
  running.child.stdin!.end('\n');
  assert.is((await running.ended).code, 0);
  await until('the monitor’s end', () => cgroupsOf(id).length === 0);
});

test('env / secrets: a file for --env-file is the container’s, and never Node’s (NODE_OPTIONS is code)', () => {
  const [file, code] = [join(world.dir, 'env-file'), join(world.dir, 'evil.cjs')];
  write(code, 'process.stdout.write("code of the file, as root\\n")');
  write(file, `NODE_OPTIONS=--require=${code}\nTSRUN_ROOT=/proc/nonsuch\n`);
  const run = ['run', '--rm', '--env-file', file, world.rootfs, 'sh', '-c', 'echo "$TSRUN_ROOT"'];
  const env = { TSRUN_ROOT: world.dataRoot, TSRUN_RUN: world.runRoot };
  // As a user starts it, by its first line.
  const words = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  assert.is(world.host('env', ...words, PROGRAM, ...run), '/proc/nonsuch\n');
  assert.is(world.tsrun.run(run).stdout, '/proc/nonsuch\n');
});

test.run();
