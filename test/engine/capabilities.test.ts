import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_CAPABILITIES, resolveCapabilities } from '../../src/engine/capabilities.ts';
import { CAPABILITY_NAMES, capabilityMask, capabilityNames } from '../../src/kernel/capabilities.ts';
import { failure } from './options/tables.ts';

const test = suite('engine/capabilities');
const ALL = (1n << 41n) - 1n;
const WITHOUT_RESOURCE = 0x1fffeffffffn;
const wishes = (add: string[] = [], drop: string[] = [], privileged = false) => ({ add, drop, privileged });
const mask = (add?: string[], drop?: string[], privileged?: boolean, available = ALL) =>
  capabilityMask(resolveCapabilities(wishes(add, drop, privileged), available)).toString(16);

test('the default set is Docker’s', () => {
  assert.is(capabilityMask(DEFAULT_CAPABILITIES), 0x00000000a80425fbn);
  assert.is(mask(), 'a80425fb');
});

test('numbers are those of linux/capability.h', () => {
  assert.is(CAPABILITY_NAMES.length, 41);
  for (const [name, number] of [
    ['CAP_CHOWN', 0],
    ['CAP_NET_ADMIN', 12],
    ['CAP_SYS_ADMIN', 21],
    ['CAP_SYS_RESOURCE', 24],
    ['CAP_AUDIT_READ', 37],
    ['CAP_CHECKPOINT_RESTORE', 40],
  ] as const) {
    assert.is(CAPABILITY_NAMES[number], name);
  }
  assert.is(capabilityMask(CAPABILITY_NAMES), ALL);
  assert.equal(capabilityNames(0b101n), ['CAP_CHOWN', 'CAP_DAC_READ_SEARCH']);
});

const sets: Array<[what: string, mask: string, expected: string]> = [
  ['an added one', mask(['CAP_NET_ADMIN']), 'a80435fb'],
  ['a dropped one', mask([], ['CAP_CHOWN']), 'a80425fa'],
  ['all dropped', mask([], ['ALL']), '0'],
  ['all dropped but one', mask(['CAP_KILL'], ['ALL']), '20'],
  ['all added', mask(['ALL']), '1ffffffffff'],
  ['all added but one', mask(['ALL'], ['CAP_SYS_ADMIN']), '1ffffdfffff'],
  ['added and dropped: it stays', mask(['CAP_CHOWN'], ['CAP_CHOWN']), 'a80425fb'],
  ['privileged', mask([], [], true), '1ffffffffff'],
  ['privileged does not mind a drop', mask([], ['CAP_CHOWN'], true), '1ffffffffff'],
  ['privileged means what is available', mask([], [], true, WITHOUT_RESOURCE), '1fffeffffff'],
  ['all added means what is available', mask(['ALL'], [], false, WITHOUT_RESOURCE), '1fffeffffff'],
  ['a default that is not available is left out', mask([], [], false, 0x1n), '1'],
  ['bits without a name are left out', mask([], [], true, 1n << 63n), '0'],
];

for (const [what, actual, expected] of sets) test(what, () => assert.is(actual, expected));

test('an added capability that this process lacks is an error with its name', () => {
  const error = failure(() => resolveCapabilities(wishes(['CAP_SYS_RESOURCE']), WITHOUT_RESOURCE));
  assert.is(error.kind, 'permission');
  assert.is(error.message, '--cap-add CAP_SYS_RESOURCE: this process does not have it itself');
});

test('the order is Docker’s, without doubles', () => {
  assert.equal(resolveCapabilities(wishes(['CAP_BPF', 'CAP_CHOWN', 'CAP_BPF']), ALL), [
    ...DEFAULT_CAPABILITIES,
    'CAP_BPF',
  ]);
});

test.run();
