import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { renderPlan } from '../../src/plan/render.ts';
import { deviceSteps, hasOwnNull } from '../../src/rootfs/devices.ts';
import { maskedPathSteps } from '../../src/rootfs/masked-paths.ts';
import type { Mount, Spec } from '../../src/spec/oci.ts';

const test = suite('what hides a file');

const spec = (...mounts: Mount[]): Spec => ({
  ociVersion: '1.2.0',
  root: { path: 'rootfs' },
  mounts,
  linux: { maskedPaths: ['/proc/keys'] },
});
const masks = (of: Spec): string => renderPlan(maskedPathSteps(of)).join('\n');

test('is the device of a fresh /dev, opened before anything can cover it', () => {
  const fresh = spec({ destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid'] });
  assert.ok(hasOwnNull(fresh));
  assert.match(renderPlan(deviceSteps(fresh)).join('\n'), /openat\(dev, "null", .*O_NOFOLLOW.*\) = null /);
  assert.match(masks(fresh), /^check_device\(null, 1, 3\)/);
  assert.match(masks(fresh), /mount\(<null>, <mask>/);
  assert.not.match(masks(fresh), /AT_FDCWD/);
});

test('is the host’s, and proven to be it, where the container brings its own /dev or none can be opened', () => {
  for (const mount of [
    { destination: '/dev', type: 'bind', source: '/dev', options: ['rbind'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nodev'] },
  ]) {
    const other = spec(mount);
    assert.not.ok(hasOwnNull(other));
    assert.match(masks(other), /openat\(AT_FDCWD, "\/dev\/null", .*\) = hiding .*\ncheck_device\(hiding, 1, 3\)/);
    assert.match(masks(other), /mount\(<hiding>, <mask>/);
    assert.not.match(renderPlan(deviceSteps(other)).join('\n'), /= null /);
  }
});

test.run();
