import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CAPABILITY_NAMES, capabilityMask, capabilityNames } from '../../src/kernel/capabilities.ts';
import * as constants from '../../src/kernel/constants.ts';
import { flagNames, MS, O, RLIMIT } from '../../src/kernel/constants.ts';
import { needs, tool } from '../support/needs.ts';
import { cTable, cValues } from './c-values.ts';

const headers = needs(suite('constants as the C headers have them'), tool('gcc'));

/** linux/mount.h and sys/mount.h cannot be included together, nor linux/fcntl.h and fcntl.h. */
const KERNEL = [
  ['MS', 'CLONE', 'AT', 'PR', 'CLOSE_RANGE', 'OPEN_TREE', 'MOVE_MOUNT', 'FS_MAGIC', 'KEYCTL', 'BPF'],
  ['mount', 'sched', 'fcntl', 'prctl', 'close_range', 'magic', 'keyctl', 'bpf'].map((name) => `linux/${name}.h`),
] as const;
const LIBC = [
  ['MNT', 'O', 'S', 'F', 'IOCTL', 'AF', 'SOCK', 'LOCK', 'ERRNO'],
  ['sys/mount.h', 'fcntl.h', 'sys/stat.h', 'sys/ioctl.h', 'linux/sockios.h', 'sys/socket.h', 'sys/file.h', 'errno.h'],
] as const;

const tables = Object.entries<unknown>(constants).filter(
  (entry): entry is [string, Record<string, number>] => typeof entry[1] === 'object' && entry[0] !== 'RLIMIT',
);

for (const [names, includes] of [KERNEL, LIBC]) {
  headers(names.join(', '), () => {
    const chosen = tables.filter(([name]) => (names as readonly string[]).includes(name));
    assert.is(chosen.length, names.length);
    const all = Object.assign({}, ...chosen.map(([, table]) => table)) as Record<string, number>;
    assert.equal(all, cTable(includes, Object.keys(all)));
  });
}

headers('no table is left out', () => {
  assert.equal(tables.map(([name]) => name).toSorted(), [...KERNEL[0], ...LIBC[0]].toSorted());
});

headers('RLIMIT, all of them', () => {
  const names = Object.keys(RLIMIT).map((name) => `RLIMIT_${name.toUpperCase()}`);
  const values = cValues(['sys/resource.h'], [...names, 'RLIMIT_NLIMITS']);
  assert.equal([...Object.values(RLIMIT), Object.keys(RLIMIT).length], values);
});

headers('capabilities: the place in the list is the number', () => {
  assert.equal(
    CAPABILITY_NAMES.map((_, number) => number),
    cValues(['linux/capability.h'], CAPABILITY_NAMES),
  );
  const [last = 0] = cValues(['linux/capability.h'], ['CAP_LAST_CAP']);
  assert.ok(CAPABILITY_NAMES.length >= Math.min(41, last + 1));
});

headers.run();

const flags = suite('flagNames');

flags('names in the order of the table, joined as strace joins them', () => {
  assert.is(flagNames(MS.MS_REC | MS.MS_BIND | MS.MS_RDONLY, MS), 'MS_RDONLY|MS_BIND|MS_REC');
});

flags('nothing is 0', () => {
  assert.is(flagNames(0, MS), '0');
});

flags('what has no name is in hex, behind what has one', () => {
  assert.is(flagNames(MS.MS_RDONLY | 0x200, MS), 'MS_RDONLY|0x200');
  assert.is(flagNames(0x200, MS), '0x200');
});

flags('the highest bit is no minus', () => {
  assert.is(flagNames(0x80000000, {}), '0x80000000');
  assert.is(flagNames(-1, {}), '0xffffffff');
});

flags('a name of several bits needs all of them', () => {
  const table = { BOTH: 3, ONE: 1 };
  assert.is(flagNames(3, table), 'BOTH');
  assert.is(flagNames(1, table), 'ONE');
  assert.is(flagNames(2, table), '0x2');
});

flags('a name for zero is never shown with others', () => {
  assert.is(flagNames(O.O_WRONLY, { O_RDONLY: 0, ...O }), 'O_WRONLY');
});

flags.run();

const capabilities = suite('capabilities');

capabilities('Docker’s fourteen are 00000000a80425fb', () => {
  const names =
    'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
      .split(' ')
      .map((name) => `CAP_${name}`);
  assert.is(capabilityMask(names), 0xa80425fbn);
  assert.equal(new Set(capabilityNames(0xa80425fbn)), new Set(names));
});

capabilities('numbers above 31 keep their bit', () => {
  assert.is(capabilityMask(['CAP_CHECKPOINT_RESTORE']), 1n << 40n);
  assert.equal(capabilityNames(1n << 40n), ['CAP_CHECKPOINT_RESTORE']);
});

capabilities('none, unknown ones, twice the same, bits without a name', () => {
  assert.is(capabilityMask(), 0n);
  assert.is(capabilityMask(['CAP_NO_SUCH', 'CHOWN']), 0n);
  assert.is(capabilityMask(['CAP_CHOWN', 'CAP_CHOWN']), 1n);
  assert.equal(capabilityNames(1n << 63n), []);
});

capabilities.run();
