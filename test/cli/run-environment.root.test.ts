import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('run: what the command finds'), root(), overlay(), tool('cc'));
let world: World;
test.before(async () => {
  world = await World.open();
});
test.after(() => world?.close());

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const environment = (flags: string[], options = {}): string[] =>
  world.run(['cat', '/proc/self/environ'], flags, options).stdout.split('\0').filter(Boolean);

test('environment: Docker’s own and nothing else', () => {
  assert.equal(
    environment([]).map((entry) => entry.replace(/=[0-9a-f]{12}$/, '=ID')),
    [PATH, 'HOSTNAME=ID', 'HOME=/root'],
  );
  assert.equal(environment(['--hostname', 'box']), [PATH, 'HOSTNAME=box', 'HOME=/root']);
  assert.equal(environment(['-t']).includes('TERM=xterm'), true);
});

test('-e and --env-file: values byte for byte, the caller’s for a bare key', () => {
  const file = join(world.dir, 'env');
  write(file, '# comment\nFROM_FILE=1\nQUOTED="kept"\nCALLER\nEMPTY=\n  INDENTED=x y \nBOTH=file\n');
  const env = environment(
    [
      '--env-file',
      file,
      '-e',
      'A=1',
      '-e',
      'A=2',
      '-e',
      'SP= a  b ',
      '-e',
      'EQ=a=b',
      '-e',
      'U=é\n€',
      '-e',
      'CALLER',
      '-e',
      'MISSING',
      '-e',
      'BOTH=flag',
      '-e',
      'HOME=/h',
    ],
    {
      env: { CALLER: 'from the caller' },
    },
  );
  for (const entry of [
    'FROM_FILE=1',
    'QUOTED="kept"',
    'CALLER=from the caller',
    'EMPTY=',
    'A=2',
    'SP= a  b ',
    'EQ=a=b',
    'U=é\n€',
    'BOTH=flag',
    'HOME=/h',
  ])
    assert.ok(env.includes(entry), `${entry} in ${env}`);
  assert.not.ok(
    env.some((entry) => /^(MISSING|A=1|BOTH=file)/.test(entry)),
    `${env}`,
  );
  assert.is(new Set(env.map((entry) => entry.split('=')[0])).size, env.length, 'each key once');
});

test('-w: made when missing, entered through links of the root, refused when it is a file', () => {
  assert.is(world.shell('pwd', ['-w', '/usr']), '/usr');
  assert.is(world.shell('pwd; stat -c %a:%u /a/b /a', ['-w', '/a/b/c']), '/a/b/c\n755:0\n755:0');
  assert.is(world.shell('pwd', []), '/');
  const rootfs = world.copy();
  symlinkSync('/usr/lib', join(rootfs, 'link'));
  assert.is(world.shell('pwd -P', ['-w', '/link'], { rootfs }), '/usr/lib');
  const file = world.run(['true'], ['-w', '/etc/passwd']);
  assert.is(file.code, 125);
  assert.match(file.stderr, /ENOTDIR/);
  assert.is(world.run(['true'], ['-w', 'relative']).code, 125);
});

test('-w: a directory that the user may not enter', () => {
  const { code, stderr } = world.run(['true'], ['-u', '1000', '-w', '/root/private']);
  // As root it can be made; Docker enters it before it gives up root, too.
  assert.ok(code === 0 || /EACCES/.test(stderr), stderr);
});

test('-u: by name, by number, with a group', () => {
  assert.is(world.shell('id -u; id -g', ['-u', '12:34']), '12\n34');
  assert.is(world.shell('id -u; id -g', ['-u', '12']), '12\n0');
  assert.is(world.shell('id -un', ['-u', 'nobody']), 'nobody');
  assert.is(
    world.shell('touch /tmp/f && stat -c %u:%g /tmp/f && ! touch /etc/f 2>/dev/null && echo ok', ['-u', '12:34']),
    '12:34\nok',
  );
  assert.is(world.shell('echo out > /dev/stdout; echo err > /dev/stderr; echo x > /dev/null', ['-u', '12:34']), 'out');
});

test('--hostname: of its own, in /etc/hostname and /etc/hosts; the host keeps its name', () => {
  const before = hostname();
  assert.is(
    world.shell('hostname; cat /etc/hostname /proc/sys/kernel/hostname', [
      '--hostname',
      'box.example',
      '--network',
      'none',
    ]),
    'box.example\nbox.example\nbox.example',
  );
  assert.match(
    world.shell('cat /etc/hosts', ['--hostname', 'box', '--network', 'none']),
    /^127\.0\.0\.1\s+localhost$/m,
  );
  assert.match(world.shell('hostname'), /^[0-9a-f]{12}$/);
  world.run(['hostname', 'changed'], ['--cap-add', 'SYS_ADMIN', '--hostname', 'box']);
  assert.is(hostname(), before);
  assert.is(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(), before);
});

test('--read-only: nothing can be written but tmpfs and volumes', () => {
  const script =
    'for p in / /etc /tmp /var /etc/hosts; do touch $p/x 2>/dev/null && echo "$p"; done; touch /dev/shm/x /t/x /v/x && echo yes';
  const source = join(world.dir, 'rw');
  mkdirSync(source);
  assert.is(world.shell(script, ['--read-only', '--tmpfs', '/t', '-v', `${source}:/v`]), 'yes');
  assert.is(world.run(['sh', '-c', '(echo x >> /etc/hosts) 2>/dev/null && echo written'], ['--read-only']).stdout, '');
  assert.is(world.shell('touch /x && echo rw'), 'rw');
});

test('--tmpfs: empty, with the options given, Docker’s else', () => {
  const options = (flag: string): string =>
    world.shell('awk \'$5 == "/t" {print $6}\' /proc/self/mountinfo; stat -c %a /t; ls -A /t', ['--tmpfs', flag]);
  assert.is(options('/t'), 'rw,nosuid,nodev,noexec,relatime\n1777');
  assert.is(options('/t:size=64k,mode=700,exec,dev'), 'rw,nosuid,relatime\n700');
  assert.is(options('/t:ro,size=1m'), 'ro,nosuid,nodev,noexec,relatime\n1777');
  assert.match(
    world.run(['sh', '-c', 'head -c 100000 /dev/zero > /t/x'], ['--tmpfs', '/t:size=64k']).stderr,
    /No space left/,
  );
});

test('--add-host, --dns, --dns-search, --dns-option', () => {
  const hosts = world.shell('cat /etc/hosts', ['--add-host', 'one:10.0.0.1', '--add-host', 'six:::1']);
  assert.match(hosts, /^10\.0\.0\.1\s+one$/m);
  assert.match(hosts, /^::1\s+six$/m);
  assert.is(
    world.shell('cat /etc/resolv.conf', [
      '--dns',
      '9.9.9.9',
      '--dns',
      '8.8.8.8',
      '--dns-search',
      'a.example',
      '--dns-option',
      'ndots:2',
    ]),
    'nameserver 9.9.9.9\nnameserver 8.8.8.8\nsearch a.example\noptions ndots:2',
  );
  assert.ok(world.shell('cat /etc/hosts').startsWith(readFileSync('/etc/hosts', 'utf8').trimEnd()), 'the host’s, too');
});

test('the three files can be written, and are this container’s alone', () => {
  const before = readFileSync('/etc/hosts', 'utf8');
  assert.is(
    world.shell('echo "1.2.3.4 mine" >> /etc/hosts; tail -1 /etc/hosts; stat -c %a:%u /etc/hosts'),
    '1.2.3.4 mine\n644:0',
  );
  assert.is(readFileSync('/etc/hosts', 'utf8'), before);
});

test('--ulimit', () => {
  assert.is(
    world.shell('ulimit -Sn; ulimit -Hn; ulimit -Sc', ['--ulimit', 'nofile=100:200', '--ulimit', 'core=0']),
    '100\n200\n0',
  );
  assert.is(world.shell("bash -c 'ulimit -Su'", ['--ulimit', 'nproc=77', '-u', '1000']), '77');
  assert.is(world.run(['true'], ['--ulimit', 'nofile=200:100']).code, 125);
  assert.is(world.run(['true'], ['--ulimit', 'nonsuch=1']).code, 125);
});

test('--network none has a loopback that is up and nothing else; host has the host’s', () => {
  assert.is(
    world.shell('ls /sys/class/net; ip -o addr show up | grep -c "inet "; ip route | wc -l', ['--network', 'none']),
    'lo\n1\n0',
  );
  const device = world.host('ls', '/sys/class/net');
  assert.is(`${world.shell('ls /sys/class/net', ['--network', 'host'])}\n`, device);
});

test('--privileged: every device, a writable /sys, nothing masked', () => {
  const script =
    'ls /dev | wc -l; touch /sys/fs/cgroup 2>/dev/null; awk \'$5 == "/sys" {print $6}\' /proc/self/mountinfo; grep -c " /proc/" /proc/self/mountinfo || true';
  const [devices, sys, masks] = world.shell(script, ['--privileged']).split('\n');
  assert.ok(Number(devices) > 16, devices);
  assert.match(sys!, /^rw/);
  assert.is(masks, '0');
});

test('the markers: /.dockerenv empty, /.tsrunenv in shell syntax', () => {
  const script =
    'stat -c %a:%s /.dockerenv; . /.tsrunenv; echo "$name $rootfs"; echo $id | wc -c; case $engine in tsrun*) echo engine; esac';
  assert.is(world.shell(script, ['--name', 'marked']), `755:0\nmarked ${world.rootfs}\n65\nengine`);
});

test.run();
