import { readFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openEngine } from '../../src/engine/engine.ts';
import { engineInfo, versionInfo } from '../../src/engine/info.ts';
import { FEATURES, type ProbeMachine } from '../../src/kernel/probes.ts';
import { linux, needs } from '../support/needs.ts';

const test = needs(suite('info'), linux());
const nowhere = join(tmpdir(), 'tsrun-nowhere');
const info = () => engineInfo(openEngine({ dataRoot: nowhere, runRoot: nowhere }));

test('this machine', () => {
  const { Containers, KernelVersion, Capabilities, KernelFeatures, DriverStatus, NCPU, Driver } = info();
  assert.is(Containers, 0);
  assert.is(KernelVersion, release());
  assert.is(Driver, 'overlay2');
  assert.ok(NCPU > 0);
  assert.match(DriverStatus[0]?.[1] ?? '', /^\w+$/);
  const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
  assert.is(Capabilities.Available.includes('CAP_SYS_RESOURCE'), ((bounding >> 24n) & 1n) === 1n);
  assert.is(Capabilities.Missing.includes('CAP_SYS_RESOURCE'), ((bounding >> 24n) & 1n) === 0n);
  for (const name of ['openat2', 'pidfd_open', 'close_range'])
    assert.is(KernelFeatures.find((one) => one.Name === name)?.Available, true, `${name}: the floor is Linux 5.10`);
});

test('version tells what native code it speaks to', () => {
  const header = readFileSync(join(import.meta.dirname, '../../native/abi.h'), 'utf8');
  assert.is(versionInfo().Client.NativeAbiVersion, Number(/#define TAPE_VERSION (\d+)/.exec(header)?.[1]));
});

const machine = (change: Partial<ProbeMachine>): ProbeMachine => ({
  release: '5.10.0-30-amd64',
  refusal: () => 'EINVAL',
  read: () => undefined,
  exists: () => false,
  cgroups2: [],
  ...change,
});
const available = (name: string, change: Partial<ProbeMachine>) =>
  FEATURES.find((feature) => feature.name === name)?.probe(machine(change));

test('a call that the kernel does not know is ENOSYS, any other refusal shows that it knows it', () => {
  for (const name of ['openat2', 'pidfd_open', 'close_range', 'mount_setattr']) {
    assert.is(available(name, { refusal: () => 'ENOSYS' }), false, name);
    for (const code of ['EINVAL', 'EBADF', 'EPERM', 'EFAULT'])
      assert.is(available(name, { refusal: () => code }), true);
    assert.is(available(name, { refusal: () => undefined }), undefined, name);
  }
});

test('what cannot be tried goes by the version', () => {
  const table: [string, string, boolean][] = [
    ['clone3 CLONE_INTO_CGROUP', '5.6.19', false],
    ['clone3 CLONE_INTO_CGROUP', '5.7.0', true],
    ['setns by pidfd', '5.7.9', false],
    ['setns by pidfd', '5.10.0-amd64', true],
    ['setns by pidfd', '10.0', true],
  ];
  for (const [name, version, expected] of table)
    assert.is(available(name, { release: version }), expected, `${name} ${version}`);
});

test('cgroup.kill is looked for where a cgroup is', () => {
  assert.is(available('cgroup.kill', { release: '5.13.0' }), false);
  assert.is(available('cgroup.kill', { release: '6.1.0' }), undefined);
  assert.is(available('cgroup.kill', { cgroups2: ['/c/a'], exists: (path) => path === '/c/a/cgroup.kill' }), true);
  assert.is(available('cgroup.kill', { cgroups2: ['/c/a'], release: '6.1.0' }), false);
});

test('overlayfs is built in, loaded, or a module that a mount loads', () => {
  const reads = (wanted: string, text: string) => ({ read: (path: string) => (path === wanted ? text : undefined) });
  assert.is(available('overlayfs', reads('/proc/filesystems', 'nodev\tproc\nnodev\toverlay\n')), true);
  assert.is(available('overlayfs', reads('/proc/filesystems', 'nodev\tproc\n')), false);
  const modules = '/lib/modules/5.10.0-30-amd64/modules.dep';
  assert.is(available('overlayfs', reads(modules, 'kernel/fs/overlayfs/overlay.ko.xz:\n')), true);
});

test.run();
