import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { type Live, until } from '../support/tsrun.ts';
import { cgroupsOf, World, write } from '../support/world.ts';

const test = needs(suite('exec'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

let count = 0;

/** A container that sleeps; its name and its id. */
async function container(
  flags: readonly string[],
  rootfs = world.rootfs,
  script = 'echo up; exec sleep 600',
): Promise<{ name: string; id: string; live: Live }> {
  const name = `c${++count}`;
  const cidfile = join(world.dir, `${name}.cid`);
  const live = world.start(['sh', '-c', script], ['--name', name, '--cidfile', cidfile, ...flags], { rootfs });
  await live.waitFor('up');
  await until('the id', () => read(cidfile).length === 64);
  return { name, id: read(cidfile), live };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const exec = (name: string, script: string, flags: readonly string[] = [], options = {}) =>
  world.tsrun.run(['exec', ...flags, name, 'sh', '-c', script], options);

/** On the host: the processes of the container that sleep, oldest first. */
const sleepers = (id: string): number[] =>
  [
    ...new Set(
      cgroupsOf(id).flatMap((path) => read(join(path, 'cgroup.procs')).split('\n').filter(Boolean).map(Number)),
    ),
  ]
    .filter((pid) => read(`/proc/${pid}/comm`) === 'sleep\n')
    .sort((a, b) => a - b);

/** All that confines a process, as the host sees it. */
function confinement(pid: number): Record<string, string> {
  const fields = [
    'Umask',
    'Uid',
    'Gid',
    'Groups',
    'CapInh',
    'CapPrm',
    'CapEff',
    'CapBnd',
    'CapAmb',
    'NoNewPrivs',
    'Seccomp',
    'SigBlk',
    'SigIgn',
    'SigCgt',
    'Cpus_allowed',
    'Mems_allowed',
  ];
  const status = read(`/proc/${pid}/status`);
  const namespaces = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts', 'time'];
  return {
    ...Object.fromEntries(
      fields.map((field) => [field, status.match(new RegExp(`^${field}:\\s*(.*)$`, 'm'))?.[1] ?? '']),
    ),
    ...Object.fromEntries(namespaces.map((name) => [name, readlinkSync(`/proc/${pid}/ns/${name}`)])),
    ...Object.fromEntries(
      ['cgroup', 'limits', 'oom_score_adj', 'mountinfo', 'attr/current', 'personality'].map((name) => [
        name,
        read(`/proc/${pid}/${name}`),
      ]),
    ),
    fds: [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d+/, 'N')).join(' '),
    environ: read(`/proc/${pid}/environ`),
    root: readlinkSync(`/proc/${pid}/root`),
    cwd: readlinkSync(`/proc/${pid}/cwd`),
  };
}

const CONFIGURATIONS = [
  [],
  ['--init'],
  ['--cap-drop', 'ALL'],
  ['--cap-add', 'SYS_PTRACE', '-u', '1000:1001'],
  ['--ulimit', 'nofile=50:60', '--ulimit', 'core=0', '-e', 'KEY=v'],
  ['--network', 'none', '--read-only', '-w', '/usr'],
  ['--privileged'],
];
for (const flags of CONFIGURATIONS) {
  test(`exec weaker than init (CVE-2016-9962, CVE-2022-24769, CVE-2022-29162, CVE-2022-27649, CVE-2023-25173): ${flags.join(' ') || 'plain'}`, async () => {
    const { name, id } = await container(flags);
    const through = [world.probe, 'launch', '-u', '077', '-n', '200', '-i', '1', '-i', '13', '-b', '10'];
    const live = world.tsrun.spawn(['exec', name, 'sh', '-c', 'echo up; exec sleep 601'], {
      through,
      env: { SECRET: '1' },
    });
    await live.waitFor('up');
    await until('both', () => sleepers(id).length === 2);
    const [first, second] = sleepers(id).map(confinement) as [Record<string, string>, Record<string, string>];
    const limits = (text: string): string =>
      text.replace(/^Max open files.*$/m, flags.includes('--ulimit') ? '$&' : '');
    for (const key of Object.keys(first)) {
      if (key === 'limits') assert.is(limits(second[key]!), limits(first[key]!), key);
      else assert.is(second[key], first[key], `${key} ${flags}`);
    }
    world.tsrun.run(['rm', '-f', name]);
    assert.is((await live.ended).code, 137);
  });
}

test('leaked fds (CVE-2024-21626, CVE-2016-9962): only 0, 1 and 2 in an exec', async () => {
  const { name } = await container([]);
  const through = [world.probe, 'launch', '-o', '3=/', '-o', '7=/', '-o', '8=/etc/passwd', '-o', '200=/'];
  assert.is(world.tsrun.run(['exec', name, '/probe', 'fds'], { through }).stdout, '0 1 2 \n');
  for (const path of ['/proc/self/fd/7', '/proc/self/fd/3', '/proc/1/cwd', '/dev/fd/200']) {
    const { code, stdout } = exec(name, 'test . -ef "$(pwd -P)" && pwd -P', ['-w', path], { through });
    assert.ok(code === 0 ? stdout.startsWith('/') : stdout === '', `${path}: ${code} ${stdout}`);
  }
});

test('exe overwrite (CVE-2019-5736), env / secrets: a container that watches /proc sees nothing of the host while an exec enters', async () => {
  const script = `echo up; while [ ! -e /stop ]; do for p in /proc/[0-9]*; do
    readlink $p/exe $p/cwd $p/root; readlink $p/fd/*; tr '\\0' '\\n' < $p/environ; tr '\\0' ' ' < $p/cmdline; done; done > /log 2>/dev/null; echo stopped`;
  const { name, live } = await container(['--cap-add', 'SYS_PTRACE'], world.rootfs, script);
  for (let i = 0; i < 20; i++)
    assert.is(world.tsrun.run(['exec', name, 'true'], { env: { SECRET: 'of-the-caller' } }).code, 0);
  const log = exec(name, 'sort -u /log; touch /stop').stdout;
  await live.waitFor('stopped');
  assert.match(log, /^\/usr\/bin\/|^\/bin\//m, 'it has seen something');
  assert.not.match(log, /of-the-caller|tsrun-test|tsrun-world|node|native\/build/);
  const foreign = log
    .split('\n')
    .filter(
      (line) =>
        /^\/\S*$/.test(line) &&
        !/^\/(usr|bin|proc|dev\/null|log|sbin|lib)?(\/|$)|^\/(log|dev\/null)$|^\/memfd:/.test(line),
    );
  assert.equal(foreign, []);
});

for (const flags of [[], ['-i'], ['-t'], ['-i', '-t']]) {
  test(`TIOCSTI (CVE-2017-5226): an exec cannot push into the caller’s terminal, ${flags.join(' ')}`, async () => {
    const { name } = await container([]);
    const terminal = world.onTerminal(['exec', ...flags, name, '/probe', 'push']);
    assert.is(await terminal.end(), 0, terminal.shown);
    assert.match(
      terminal.shown,
      flags.includes('-t') ? /stdin ok/ : /^stdin E\w+\r\nstdout E\w+\r\nstderr E\w+\r\n\/dev\/tty E\w+\r\n$/,
    );
    assert.is(terminal.modes('end').waiting, 0);
    assert.is(terminal.modes('end').flags, terminal.modes('begin').flags);
  });
}

test('user lookup (CVE-2024-9676): /etc/passwd that became a fifo, a link out or a huge file does not hang an exec', async () => {
  const secret = join(world.dir, 'host-passwd');
  write(secret, 'hostonly:x:4242:4242::/:/bin/sh\n');
  for (const make of [
    'mkfifo /etc/passwd',
    `ln -s ${secret} /etc/passwd`,
    'truncate -s 20M /etc/passwd',
    'mkdir /etc/passwd',
    'mknod /etc/passwd c 1 5',
  ]) {
    const { name } = await container([]);
    assert.is(exec(name, `rm -rf /etc/passwd; ${make}`, ['-u', '0']).code, 0, make);
    const { code, stdout } = exec(name, 'id -u', ['-u', 'hostonly']);
    assert.not.equal(code, 0, make);
    assert.is(stdout, '', make);
    world.tsrun.run(['rm', '-f', name]);
  }
});

test('fake proc (CVE-2019-16884, CVE-2023-27561): a container that covers /proc and /dev gets no weaker exec', async () => {
  const { name, id } = await container(['--cap-add', 'SYS_ADMIN', '--cap-drop', 'NET_RAW']);
  const before = exec(name, 'grep ^Cap /proc/self/status').stdout;
  const covered = exec(
    name,
    'mkdir /p && mount --bind /proc /p && mount -t tmpfs x /proc && mkdir -p /proc/self/fd /proc/self/attr && rm /dev/null && echo fake > /dev/null; echo done',
  );
  if (!covered.stdout.includes('done')) throw new Error(covered.stderr);
  const { code, stdout, stderr } = exec(name, 'grep ^Cap /p/self/status; readlink /p/self/fd/0; cat');
  assert.ok(code === 0 ? stdout === `${before}/dev/null\n` : /^tsrun: /.test(stderr), `${code} ${stdout}${stderr}`);
  assert.is(world.tsrun.run(['rm', '-f', name]).code, 0);
  assert.equal(cgroupsOf(id), []);
});

test('a container that has ended, and one that never was', async () => {
  world.tsrun.run(['run', '--name', 'ended', world.rootfs, 'true']);
  const { code, stdout, stderr } = exec('ended', 'echo x');
  assert.equal([code, stdout], [126, '']);
  assert.match(stderr, /^tsrun: .*is not running\n/);
  assert.ok(exec('never', 'echo x').code > 0);
});

test('keyring: the keys of the caller’s session are not found by an exec', async () => {
  const { name } = await container([]);
  const through = [world.probe, 'launch', '-k', 'caller-key'];
  assert.is(world.tsrun.run(['exec', name, '/probe', 'key', 'caller-key'], { through }).stdout, 'ENOKEY\n');
});

test('devices: the host’s disk cannot be opened by an exec', async () => {
  const { name } = await container([]);
  assert.match(exec(name, 'mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda 2>&1').stdout, /Operation not permitted/);
});

test.run();
