import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { cgroupsOf, World } from '../support/world.ts';

const test = needs(suite('host resources'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const DEFAULT_CAPS = '00000000a80425fb';
const caps = (flags: string[], command = 'grep -E "^Cap|NoNewPrivs" /proc/self/status'): Record<string, string> =>
  Object.fromEntries(
    world
      .shell(command, flags)
      .split('\n')
      .map((line) => line.split(/:\s*/) as [string, string]),
  );

test('capabilities (CVE-2022-24769): Docker’s fourteen, none inheritable or ambient', () => {
  const sets = caps([]);
  assert.is(sets.CapEff, DEFAULT_CAPS);
  assert.is(sets.CapPrm, DEFAULT_CAPS);
  assert.is(sets.CapBnd, DEFAULT_CAPS);
  assert.is(sets.CapInh, '0000000000000000');
  assert.is(sets.CapAmb, '0000000000000000');
  assert.is(sets.NoNewPrivs, '0');
});

test('capabilities: another user has none in effect, and the same bounding set', () => {
  const sets = caps(['-u', '1000:1000']);
  assert.is(sets.CapEff, '0000000000000000');
  assert.is(sets.CapPrm, '0000000000000000');
  assert.is(sets.CapInh, '0000000000000000');
  assert.is(sets.CapBnd, DEFAULT_CAPS);
});

test('capabilities: --cap-add, --cap-drop and --privileged', () => {
  const bounding = BigInt(`0x${readFileSync('/proc/self/status', 'utf8').match(/CapBnd:\s*(\w+)/)![1]}`);
  const hex = (mask: bigint): string => mask.toString(16).padStart(16, '0');
  const of = (...flags: string[]): string => caps(flags).CapEff!;
  assert.is(of('--cap-drop', 'ALL'), hex(0n));
  assert.is(of('--cap-drop', 'ALL', '--cap-add', 'chown'), hex(1n));
  assert.is(
    of('--cap-add', 'CAP_NET_ADMIN', '--cap-drop', 'mknod'),
    hex((BigInt(`0x${DEFAULT_CAPS}`) | (1n << 12n)) & ~(1n << 27n)),
  );
  assert.is(of('--cap-add', 'ALL'), hex(bounding));
  assert.is(of('--cap-add', 'ALL', '--cap-drop', 'SYS_ADMIN'), hex(bounding & ~(1n << 21n)));
  const privileged = caps(['--privileged']);
  assert.equal([privileged.CapEff, privileged.CapBnd, privileged.CapInh], [hex(bounding), hex(bounding), hex(0n)]);
  assert.is(caps(['--privileged', '-u', '1000']).CapEff, hex(0n));
});

test('capabilities: a setuid program gains no more than the bounding set', () => {
  const rootfs = world.copy();
  world.host('cp', '--remove-destination', world.probe, join(rootfs, 'probe'));
  world.host(
    'sh',
    '-c',
    'cp --remove-destination "$1/bin/cat" "$1/bin/setuid-cat" && chmod 4755 "$1/bin/setuid-cat"',
    '-',
    rootfs,
  );
  const status = world.shell('setuid-cat /proc/self/status', ['-u', '1000', '--cap-drop', 'ALL'], { rootfs });
  assert.match(status, /^Uid:\s+1000\s+0\s/m, 'the setuid bit works');
  assert.match(status, /^CapEff:\s+0{16}$/m);
});

test('cgroups (CVE-2022-0492): read-only inside, and release_agent cannot be written', () => {
  const script = `
    find /sys/fs/cgroup -name release_agent -o -name notify_on_release -o -name cgroup.procs -o -name tasks | while read f; do
      (printf 0 > "$f") 2>/dev/null && echo "$f written"; done
    for d in $(find /sys/fs/cgroup -maxdepth 2 -type d); do mkdir $d/new 2>/dev/null && echo "$d: made a cgroup"; done
    mkdir -p /tmp/c; for how in 'cgroup -o memory' 'cgroup -o rdma' 'cgroup -o none,name=x' cgroup2; do
      mount -t $how x /tmp/c 2>/dev/null && echo "mounted $how"; done
    unshare -C true 2>/dev/null && echo "cgroup namespace"; unshare -UrC true 2>/dev/null && echo "user namespace, then cgroup"
    [ $(find /sys/fs/cgroup -name cgroup.procs | wc -l) -gt 0 ] && echo there`;
  assert.is(world.shell(script).replace('user namespace, then cgroup\n', ''), 'there');
});

test('cgroups: the container sees itself at the top, and the monitor is not in it', () => {
  assert.not.match(world.shell('cat /proc/self/cgroup'), /tsrun-|\.\./);
  const cid = join(world.dir, 'cid');
  const pids = world.shell('cat $(find /sys/fs/cgroup -name cgroup.procs) | sort -u', ['--cidfile', cid]).split('\n');
  assert.ok(
    pids.every((pid) => Number(pid) > 0),
    `0 stands for a process of another PID namespace: ${pids}`,
  );
  assert.equal(cgroupsOf(readFileSync(cid, 'utf8')), []);
});

test('devices (runc dev, shocker): the host’s disk can be made and not opened', () => {
  const disk = statSync('/').dev;
  const major = (disk >> 8) & 0xfff;
  const minor = (disk & 0xff) | ((disk >> 12) & 0xfff00);
  const script = `
    mknod /tmp/b b ${major} ${minor} && mknod /tmp/sda b 8 0 && mknod /tmp/mem c 1 1 && mknod /tmp/kmsg c 1 11 && mknod /tmp/fuse c 10 229
    for f in b sda mem kmsg fuse; do head -c 1 /tmp/$f 2>&1 | grep -o 'Operation not permitted' || echo "$f: opened"; done
    mknod /tmp/null c 1 3 && echo x > /tmp/null && head -c 1 /dev/zero | wc -c`;
  assert.is(world.shell(script), `${'Operation not permitted\n'.repeat(5)}1`);
  assert.match(world.shell(script, ['--privileged']), /opened/, 'without the filter the same opens');
});

test('devices (shocker): no file of the host by its handle', () => {
  assert.is(world.shell('/probe handle /etc/hosts'), 'EPERM');
  assert.is(world.shell('/probe handle /etc/hosts', ['--privileged']), 'ok', 'with CAP_DAC_READ_SEARCH it works');
});

test('devices: /dev has Docker’s entries and no more', () => {
  const names = world.shell('ls /dev').split('\n');
  const core = existsSync('/proc/kcore') ? ['core'] : [];
  assert.equal(names, [
    ...core,
    'fd',
    'full',
    'mqueue',
    'null',
    'ptmx',
    'pts',
    'random',
    'shm',
    'stderr',
    'stdin',
    'stdout',
    'tty',
    'urandom',
    'zero',
  ]);
  assert.is(world.shell('stat -c %a:%u:%g /dev/null /dev/shm /dev/pts /dev'), '666:0:0\n1777:0:0\n755:0:0\n755:0:0');
});

test('keyring: the keys of the caller’s session are not found inside', () => {
  const through = [world.probe, 'launch', '-k', 'caller-key'];
  assert.is(
    world.host(...(through as [string, ...string[]]), world.probe, 'key', 'caller-key').trim(),
    'ok',
    'the caller finds it',
  );
  for (const flags of [[], ['--init'], ['--privileged']]) {
    assert.is(world.shell('/probe key caller-key', flags, { through }), 'ENOKEY', `${flags}`);
  }
  assert.is(world.shell('cat /proc/keys', [], { through }), '');
});

test('mount propagation: what is mounted inside is not seen on the host; one mount on /, the old root is gone', () => {
  const seen = join(world.dir, 'source');
  world.host('mkdir', '-p', join(seen, 'sub'));
  const script = `mount -t tmpfs inside /mnt && mount -t tmpfs inside /v/sub && touch /v/sub/in-there && grep -c ' / / ' /proc/self/mountinfo
    awk '$5 == "/"' /proc/self/mountinfo | wc -l; grep -c 'shared:\\|master:' /proc/self/mountinfo; grep -c -- '- tmpfs inside' /proc/self/mountinfo`;
  const { stdout, stderr } = world.run(['sh', '-c', script], ['--privileged', '-v', `${seen}:/v`]);
  assert.is(stdout, '1\n1\n0\n2\n', stderr);
  assert.equal(readdirSync(join(seen, 'sub')), []);
  assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(world.dir));
  for (const flags of [[], ['--privileged']]) {
    assert.not.ok(world.shell('ls /proc/1/root/ / /..', flags).includes('lost+found'), 'nothing of the old root');
  }
});

test('mount propagation: without --privileged nothing can be mounted, moved or pivoted', () => {
  const script =
    'mount -t tmpfs x /mnt 2>&1; umount /proc/sys 2>&1; mount -o remount,rw,bind /proc/sys 2>&1; unshare -m true 2>&1; chroot / true && echo end';
  const { stdout } = world.run(['sh', '-c', script]);
  assert.is(stdout.match(/(denied|must be superuser|not permitted)/g)?.length, 4, stdout);
  assert.match(stdout, /end\n$/);
});

test('namespaces: mount, UTS, PID, IPC and cgroup are the container’s own, with --network none the network too', () => {
  const names = ['mnt', 'uts', 'pid', 'ipc', 'cgroup', 'net', 'user'];
  const host = world
    .host('readlink', ...names.map((name) => `/proc/self/ns/${name}`))
    .trim()
    .split('\n');
  const shared = (...flags: string[]): string[] => {
    const inside = world.shell(`cd /proc/self/ns; readlink ${names.join(' ')}`, flags).split('\n');
    return names.filter((_, i) => inside[i] === host[i]);
  };
  assert.equal(shared(), ['net', 'user']);
  assert.equal(shared('--network', 'none'), ['user']);
  assert.equal(shared('--privileged'), ['net', 'user']);
});

test('permissions (CVE-2021-41091): only root walks into the data root and the run directory', async () => {
  const through = [world.probe, 'launch', '-u', '000'];
  const running = world.start(['sh', '-c', 'echo up; read x'], ['-i'], { through });
  await running.waitFor('up');
  const [id] = world.ids() as [string];
  const mode = (...parts: string[]): string => (statSync(join(...parts)).mode & 0o7777).toString(8);
  const { dataRoot, runRoot } = world;
  assert.equal(
    [dataRoot, join(dataRoot, 'overlay2'), join(dataRoot, 'containers'), join(dataRoot, 'containers', id)].map((path) =>
      mode(path),
    ),
    Array(4).fill('710'),
  );
  assert.equal(
    [runRoot, join(runRoot, id), join(dataRoot, 'names')].map((path) => mode(path)),
    Array(3).fill('700'),
  );
  assert.is(mode(dataRoot, 'containers', id, 'config.json'), '600');
  for (const path of [dataRoot, join(dataRoot, 'overlay2'), join(dataRoot, 'containers', id), runRoot]) {
    const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    assert.throws(() => world.host('setpriv', ...user, 'ls', path), /Permission denied/);
  }
  const abstract = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.includes('@') && line.includes('tsrun'));
  assert.equal(abstract, [], 'permissions (CVE-2020-15257): no abstract socket');
  running.child.stdin!.end();
  await running.ended;
  assert.not.ok(existsSync(join(runRoot, id)));
});

test.run();
