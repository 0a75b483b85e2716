import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import { renderCall } from '../../src/plan/render.ts';
import { deviceSteps } from '../../src/rootfs/devices.ts';
import { makedev } from '../../src/rootfs/made-devices.ts';
import type { Device, Spec } from '../../src/spec/oci.ts';

const test = suite('devices');
const spec = (devices: Device[]): Spec => ({ ociVersion: '1.0.2', root: { path: 'rootfs' }, linux: { devices } });
const usual = deviceSteps(spec([])).map(renderCall);

/** What the configuration's devices add to the usual steps. */
const added = (...devices: Device[]): string[] =>
  deviceSteps(spec(devices))
    .map(renderCall)
    .filter((call) => !usual.includes(call));

test('the six devices and the links, by the descriptor of /dev', () => {
  assert.equal(usual, [
    'in_root(root, "dev", DIRECTORY|NO_SYMLINKS)',
    'mknodat(dev, "null", 020666, 0x103)',
    'mknodat(dev, "zero", 020666, 0x105)',
    'mknodat(dev, "full", 020666, 0x107)',
    'mknodat(dev, "random", 020666, 0x108)',
    'mknodat(dev, "urandom", 020666, 0x109)',
    'mknodat(dev, "tty", 020666, 0x500)',
    'symlinkat("/proc/self/fd", dev, "fd")',
    'symlinkat("/proc/self/fd/0", dev, "stdin")',
    'symlinkat("/proc/self/fd/1", dev, "stdout")',
    'symlinkat("/proc/self/fd/2", dev, "stderr")',
  ]);
});

test('type, mode and owner are the configuration’s; a directory is resolved once', () => {
  const calls = added(
    { type: 'b', path: '/dev/loop0', major: 7, minor: 0, fileMode: 0o660, uid: 0, gid: 6 },
    { type: 'c', path: '/dev/net/tun', major: 10, minor: 200, fileMode: 0o20666 },
    { type: 'p', path: '/dev/net/pipe', fileMode: 0o600 },
    { type: 'u', path: '/dev//fuse', major: 10, minor: 229 },
  );
  assert.equal(calls, [
    'mknodat(dev, "loop0", 060660, 0x700)',
    'fchownat(dev, "loop0", 0, 6, AT_SYMLINK_NOFOLLOW)',
    'in_root(dev, "net", MAKE_DIR|NO_SYMLINKS)',
    'mknodat(devices, "tun", 020666, 0xac8)',
    'mknodat(devices, "pipe", 010600, 0x0)',
    'mknodat(dev, "fuse", 020666, 0xae5)',
  ]);
});

test('the six and the links stay as they are', () => {
  const own = [
    'null',
    'zero',
    'full',
    'random',
    'urandom',
    'tty',
    'fd',
    'stdin',
    'stdout',
    'stderr',
    'ptmx',
    'console',
  ];
  const devices = own.map((name): Device => ({ type: 'c', path: `/dev/${name}`, major: 1, minor: 1 }));
  assert.equal(added(...devices), []);
});

test('numbers are packed as mknod(2) takes them', () => {
  assert.is(makedev(1, 3), 0x103);
  assert.is(makedev(259, 1048575), 0xfff103ff);
  assert.is(makedev(4095, 256), 0x1fff00);
});

const wrong: [Device, RegExp][] = [
  [{ type: 'c', path: '/etc/x', major: 1, minor: 3 }, /linux\.devices\[0\]\.path: must lie below \/dev/],
  [{ type: 'c', path: '/dev', major: 1, minor: 3 }, /below \/dev/],
  [{ type: 'c', path: '/dev/../etc/x', major: 1, minor: 3 }, /below \/dev/],
  [{ type: 'c', path: '/dev/x/..', major: 1, minor: 3 }, /below \/dev/],
  [{ type: 'c', path: '/dev/x', major: 4096, minor: 3 }, /4096:3/],
  [{ type: 'c', path: '/dev/x', major: 1, minor: 1 << 20 }, /1:1048576/],
];
for (const [device, message] of wrong) {
  test(`${device.path} ${device.major}:${device.minor} is refused`, () => {
    assert.throws(
      () => deviceSteps(spec([device])),
      (error: unknown) => error instanceof TsrunError && error.kind === 'config' && message.test(error.message),
    );
  });
}

test.run();
