import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import { sysctlSteps } from '../../src/namespace/sysctl.ts';
import { renderCall } from '../../src/plan/render.ts';
import type { Namespace, Spec } from '../../src/spec/oci.ts';

const test = suite('sysctl');
const NEW: Namespace[] = [{ type: 'network' }, { type: 'ipc' }];
const spec = (sysctl: Record<string, string>, namespaces = NEW): Spec => ({
  ociVersion: '1.0.2',
  root: { path: 'rootfs' },
  linux: { sysctl, namespaces },
});

test('a directory is resolved and proven once for all its settings', () => {
  const steps = sysctlSteps(
    spec({ 'net.ipv4.ip_forward': '1', 'net.ipv4.tcp_fin_timeout': '7', 'kernel.msgmax': '9' }),
  );
  assert.equal(steps.map(renderCall), [
    'in_root(root, "proc/sys/net/ipv4", DIRECTORY|NO_SYMLINKS)',
    'check_fs(settings, PROC_SUPER_MAGIC)',
    'write_file(settings, "ip_forward", O_WRONLY|O_NOFOLLOW, 00, "1", 1)',
    'write_file(settings, "tcp_fin_timeout", O_WRONLY|O_NOFOLLOW, 00, "7", 1)',
    'in_root(root, "proc/sys/kernel", DIRECTORY|NO_SYMLINKS)',
    'check_fs(settings, PROC_SUPER_MAGIC)',
    'write_file(settings, "msgmax", O_WRONLY|O_NOFOLLOW, 00, "9", 1)',
  ]);
});

for (const name of [
  'net.core.somaxconn',
  ...['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (one) => `kernel.${one}`,
  ),
  'fs.mqueue.msg_max',
]) {
  test(`${name} is the container's own`, () => {
    assert.ok(sysctlSteps(spec({ [name]: '1' })).length > 0);
  });
}

const refused: [string, RegExp, Namespace[]?, string?][] = [
  ['net.ipv4.ip_forward', /needs a new network namespace/, [{ type: 'ipc' }]],
  ['net.ipv4.ip_forward', /needs a new network namespace/, [{ type: 'network', path: '/proc/1/ns/net' }]],
  ['kernel.msgmax', /needs a new ipc namespace/, [{ type: 'network' }]],
  ['fs.mqueue.msg_max', /needs a new ipc namespace/, [{ type: 'ipc', path: '/proc/1/ns/ipc' }]],
  ['kernel.core_pattern', /whole host/],
  ['kernel.msgmax.x', /whole host/],
  ['kernel.shm_rmid_forced2', /whole host/],
  ['vm.swappiness', /whole host/],
  ['fs.mqueue', /whole host/],
  ['network.x', /whole host/],
  ['net/ipv4/ip_forward', /must be a name/],
  ['net.ipv4/../../kernel.core_pattern', /must be a name/],
  ['net...kernel.core_pattern', /must be a name/],
  ['net.', /must be a name/],
  ['net', /must be a name/],
  ['net.core.x\n', /must be a name/],
  ['net.core.somaxconn', /one line/, NEW, '1\nkernel.core_pattern=|/x'],
];
for (const [name, message, namespaces = NEW, value = '1'] of refused) {
  test(`${JSON.stringify(name)} is refused: ${message.source}, ${JSON.stringify(namespaces)}`, () => {
    assert.throws(
      () => sysctlSteps(spec({ [name]: value }, namespaces)),
      (error: unknown) => error instanceof TsrunError && error.kind === 'config' && message.test(error.message),
    );
  });
}

test.run();
