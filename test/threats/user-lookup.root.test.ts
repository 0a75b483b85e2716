import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { World, write } from '../support/world.ts';

const test = needs(suite('user lookup'), root(), overlay(), tool('cc'));
let world: World;
let secret = '';
test.before(async () => {
  world = await World.open();
  secret = join(world.dir, 'host-passwd');
  write(secret, 'hostonly:x:4242:4242::/:/bin/sh\n');
});
test.after(() => world?.close());

const OWN = 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n';

function withFile(name: string, text: string): string {
  const rootfs = world.copy();
  write(join(rootfs, name), text);
  return rootfs;
}

function replaced(name: string, replace: (path: string) => void): string {
  const rootfs = world.copy();
  rmSync(join(rootfs, name), { recursive: true });
  replace(join(rootfs, name));
  return rootfs;
}

for (const name of ['etc/passwd', 'etc/group']) {
  const wish = name === 'etc/passwd' ? 'ann' : '0:staff';

  test(`user lookup (CVE-2024-9676): /${name} as a fifo, a directory or a device does not hang: a name is refused, root by default or a number is not locked out`, () => {
    const evil: [string, (path: string) => void][] = [
      ['fifo', (path) => void world.host('mkfifo', path)],
      ['directory', (path) => mkdirSync(path)],
      ['terminal', (path) => void world.host('mknod', path, 'c', '5', '0')],
      ['zeroes', (path) => void world.host('mknod', path, 'c', '1', '5')],
      ['block device', (path) => void world.host('mknod', path, 'b', '254', '0')],
    ];
    for (const [what, make] of evil) {
      const rootfs = replaced(name, make);
      const began = performance.now();
      const refused = world.run(['echo', 'ran'], ['-u', wish], { rootfs });
      assert.is(refused.code, 125, `${what}: ${refused.stdout}${refused.stderr}`);
      const reason = new RegExp(`^tsrun: run .*: /${name} inside the root directory cannot be read: E.*\\nhint: `);
      assert.match(refused.stderr, reason, what);
      for (const flags of [[], ['-u', '0'], ['-u', '1000:1000']]) {
        assert.is(world.run(['echo', 'ran'], flags, { rootfs }).stdout, 'ran\n', `${what} ${flags.join(' ')}`);
      }
      assert.ok(performance.now() - began < 10_000, what);
    }
    assert.equal(world.ids(), []);
  });

  test(`user lookup (CVE-2024-9676): /${name} of 20 MB or without end is refused`, () => {
    for (const size of ['20M', '8T']) {
      const rootfs = replaced(name, (path) => void world.host('truncate', '-s', size, path));
      const { code, stderr } = world.run(['true'], ['-u', wish], { rootfs });
      assert.is(code, 125);
      assert.match(stderr, /larger than \d+ bytes/);
    }
  });

  test(`user lookup: /${name} as a link to the host’s is read inside`, () => {
    const links = [secret, `../../../../../../..${secret}`, `/proc/self/root${secret}`, '/proc/self/fd/5'];
    for (const target of links) {
      const rootfs = replaced(name, (path) => symlinkSync(target, path));
      const { code, stdout } = world.run(['id', '-u'], ['-u', 'hostonly'], { rootfs });
      assert.is(code, 125, `${target}: ${stdout}`);
      assert.is(stdout, '');
    }
  });
}

test('user lookup: a link inside the root is followed', () => {
  const rootfs = replaced('etc/passwd', (path) => symlinkSync('/usr/lib/passwd', path));
  write(join(rootfs, 'usr/lib/passwd'), OWN);
  assert.is(world.shell('id -u; id -g', ['-u', 'ann'], { rootfs }), '1000\n1001');
});

test('user lookup (CVE-2024-40635): an id beyond 2^31-1 never becomes root', () => {
  for (const user of [
    '4294967296',
    '4294967295',
    '2147483648',
    '-1',
    '+0',
    '0x0',
    '1e3',
    ' 0',
    '0 ',
    '00000000000',
    '18446744073709551616',
    '٠',
  ]) {
    const { code, stdout, stderr } = world.run(['id', '-u'], [`--user=${user}`]);
    assert.is(code, 125, `${user}: ${stdout}`);
    assert.is(stdout, '', user);
    assert.match(stderr, /^tsrun: /);
  }
  for (const group of ['0:4294967296', '0:-1', '1:', ':', '0:0:0']) {
    const { code, stdout } = world.run(['id', '-g'], [`--user=${group}`]);
    if (code === 0) assert.ok(['1:', ':'].includes(group), group);
    else assert.is(stdout, '', group);
  }
  assert.is(world.shell('id -u', ['-u', '2147483647']), '2147483647');
});

test('user lookup (CVE-2024-40635): overflow in a passwd line is no account', () => {
  for (const id of ['4294967296', '-0', '', 'x', '2147483648', '0x0', ' 0']) {
    const rootfs = withFile('etc/passwd', `${OWN}eve:x:${id}:${id}::/:/bin/sh\n`);
    const { code, stdout, stderr } = world.run(['id', '-u'], ['-u', 'eve'], { rootfs });
    assert.is(code, 125, `${id}: ${stdout}`);
    assert.match(stderr, /unable to find user eve/);
  }
});

test('user lookup: a group or user that is not there', () => {
  const groupless = world.run(['true'], ['-u', 'root:nosuchgroup']);
  assert.is(groupless.code, 125);
  assert.match(groupless.stderr, /^tsrun: .*unable to find group nosuchgroup/);
  assert.match(world.run(['true'], ['-u', 'nobodyhere']).stderr, /unable to find user nobodyhere/);
  assert.equal(world.ids(), []);
});

test('user lookup: memberships of /etc/group, none of the caller’s; home and number without an account', () => {
  const rootfs = world.copy();
  write(join(rootfs, 'etc/passwd'), OWN);
  write(join(rootfs, 'etc/group'), 'root:x:0:\nown:x:1001:\nextra:x:2000:bob,ann\nother:x:2001:bob\n');
  const through = ['setpriv', '--groups', '5,6,7'];
  const script = 'id -u; id -g; id -G; echo $HOME';
  assert.is(world.shell(script, ['-u', 'ann'], { rootfs, through }), '1000\n1001\n1001 2000\n/home/ann');
  assert.is(world.shell(script, ['-u', 'ann:0'], { rootfs, through }), '1000\n0\n0\n/home/ann');
  assert.is(world.shell(script, ['-u', '77:other'], { rootfs, through }), '77\n2001\n2001\n/');
  assert.is(world.shell(script, [], { rootfs, through }), '0\n0\n0\n/root');
});

test('user lookup: no passwd file at all is root by number', () => {
  const rootfs = replaced('etc/passwd', () => {});
  assert.is(world.shell('id -u', [], { rootfs }), '0');
  assert.is(world.shell('id -u', ['-u', '12'], { rootfs }), '12');
});

test('user lookup: a huge but allowed passwd file is read', () => {
  const rootfs = withFile('etc/passwd', OWN);
  appendFileSync(
    join(rootfs, 'etc/passwd'),
    Array.from({ length: 50_000 }, (_, i) => `u${i}:x:${i + 2000}:9::/:/x\n`).join(''),
  );
  assert.is(world.shell('id -u', ['-u', 'u49999'], { rootfs }), '51999');
  assert.match(readFileSync(join(rootfs, 'etc/passwd'), 'utf8'), /u49999/);
});

test.run();
