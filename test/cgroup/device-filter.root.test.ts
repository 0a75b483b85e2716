import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupV2, needs, overlay, root, tool } from '../support/needs.ts';
import { openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('devices: without the controller of v1'), root(), overlay(), tool('unshare'));
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun.close());

/** Makes a node for a device that no container may open (a tun), and tries it, on a machine with these mounts taken away. */
function tryDevice(hide: string) {
  const through = ['unshare', '-m', 'sh', '-c', `${hide}; exec "$@"`, 'sh'];
  const script = 'mknod /tun c 10 200 && cat /tun; cat /dev/null && echo null works';
  const args = ['run', '--rm', '-v', '/usr/bin/mknod:/bin/mknod:ro', tsrun.rootfs, 'sh', '-c', script];
  return tsrun.run(args, { through });
}

needs(test, cgroupV2())('a program on the unified hierarchy denies what the rules do not allow', () => {
  const { stdout, stderr } = tryDevice('umount /sys/fs/cgroup/devices 2>/dev/null');
  assert.match(stderr, /Operation not permitted/);
  assert.is(stdout, 'null works\n');
});

test('with no hierarchy at all a container is refused, unless it may have every device', () => {
  const { code, stderr } = tryDevice('umount -l /sys/fs/cgroup');
  assert.is(code, 125);
  assert.match(stderr, /linux\.resources\.devices: this machine has no cgroup hierarchy/);
  assert.equal(tsrun.ids(), []);
});

test.run();
