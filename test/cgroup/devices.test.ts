import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { deviceProgram } from '../../src/cgroup/device-program.ts';
import { allowsAll, decide, deviceRuleLine } from '../../src/cgroup/devices.ts';
import type { DeviceRule } from '../../src/spec/oci.ts';

const test = suite('device rules');
const rule = (allow: boolean, type?: 'a' | 'b' | 'c', major?: number, minor?: number, access?: string): DeviceRule => ({
  allow,
  ...(type === undefined ? {} : { type }),
  ...(major === undefined ? {} : { major }),
  ...(minor === undefined ? {} : { minor }),
  ...(access === undefined ? {} : { access }),
});

test('a rule is a line of devices.allow', () => {
  assert.is(deviceRuleLine(rule(false)), 'a');
  assert.is(deviceRuleLine(rule(true, 'a', 1, 3, 'r')), 'a');
  assert.is(deviceRuleLine(rule(true, 'c', 1, 3, 'rw')), 'c 1:3 rw');
  assert.is(deviceRuleLine(rule(true, 'b', 8, -1)), 'b 8:* rwm');
  assert.is(deviceRuleLine(rule(true, 'c', undefined, undefined, '')), 'c *:* rwm');
});

test('what allows everything needs no rules; a single denial does', () => {
  assert.ok(allowsAll([]));
  assert.ok(allowsAll([rule(true)]));
  assert.ok(allowsAll([rule(false), rule(true)]));
  assert.ok(allowsAll([rule(false, 'c', 1, 3), rule(true)]));
  assert.ok(allowsAll([rule(false, 'c', 1, 3), rule(true, 'c', 1, 3)]));
  assert.not(allowsAll([rule(false, 'c', 1, 3)]), 'without a rule for all');
  assert.not(allowsAll([rule(true), rule(false, 'c', 1, 3, 'w')]));
  assert.not(allowsAll([rule(false)]));
});

test('rules for the same numbers add up', () => {
  const { allow, exceptions } = decide([rule(false), rule(true, 'c', 1, 3, 'r'), rule(true, 'c', 1, 3, 'w')]);
  assert.is(allow, false);
  assert.equal(exceptions, [{ type: 'c', major: 1, minor: 3, access: 'rw' }]);
});

test('a program is whole instructions, and grows with its exceptions only', () => {
  const all = deviceProgram([rule(true)]).length;
  assert.is(all % 8, 0);
  assert.is(deviceProgram([rule(true, 'c', 9, 9), rule(true)]).length, all);
  assert.ok(deviceProgram([rule(false), rule(true, 'c', 9, 9)]).length > all);
});

test.run();
