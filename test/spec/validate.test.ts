import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsrunError } from '../../src/errors/tsrun-error.ts';
import type { Spec } from '../../src/spec/oci.ts';
import { serializeSpec } from '../../src/spec/serialize.ts';
import { parseSpec } from '../../src/spec/validate.ts';

const test = suite('spec/validate');

const smallest = { ociVersion: '1.0.2', root: { path: 'rootfs' } };
const user = { uid: 0, gid: 0 };
const process = { user, args: ['sh'], cwd: '/' };

function withProcess(extra: object): object {
  return { ...smallest, process: { ...process, ...extra } };
}

function withLinux(linux: object): object {
  return { ...smallest, linux };
}

/** [what is wrong, the value, the message after `config.json: `] */
const refused: Array<[string, unknown, string]> = [
  ['no object', [], 'must be an object'],
  ['null', null, 'must be an object'],
  ['no version', { root: { path: 'r' } }, 'ociVersion: must be given'],
  [
    'version 2',
    { ...smallest, ociVersion: '2.0.0' },
    'ociVersion: must be a version 1.x.y of the OCI runtime specification',
  ],
  ['no root', { ociVersion: '1.0.2' }, 'root: must be given'],
  ['an empty root', { ociVersion: '1.0.2', root: { path: '' } }, 'root.path: must be a non-empty string'],
  ['a NUL in root', { ociVersion: '1.0.2', root: { path: 'a\0b' } }, 'root.path: must not contain a NUL character'],
  [
    'root.readonly text',
    { ociVersion: '1.0.2', root: { path: 'r', readonly: 'no' } },
    'root.readonly: must be true or false',
  ],
  ['an empty program', withProcess({ args: ['', 'x'] }), 'process.args[0]: must be a non-empty string'],
  ['a number argument', withProcess({ args: ['sh', 1] }), 'process.args[1]: must be a string'],
  ['args as text', withProcess({ args: 'sh' }), 'process.args: must be an array'],
  ['a NUL argument', withProcess({ args: ['sh', 'a\0'] }), 'process.args[1]: must not contain a NUL character'],
  ['env without =', withProcess({ env: ['A=1', 'B'] }), 'process.env[1]: must be KEY=value'],
  ['env without a key', withProcess({ env: ['=1'] }), 'process.env[0]: must be KEY=value'],
  ['a relative cwd', withProcess({ cwd: 'tmp' }), 'process.cwd: must be an absolute path'],
  [
    'uid -1 as unsigned',
    withProcess({ user: { uid: 4294967295, gid: 0 } }),
    'process.user.uid: must be an integer from 0 to 4294967294',
  ],
  ['uid 0.5', withProcess({ user: { uid: 0.5, gid: 0 } }), 'process.user.uid: must be an integer from 0 to 4294967294'],
  [
    'uid text',
    withProcess({ user: { uid: '0', gid: 0 } }),
    'process.user.uid: must be an integer from 0 to 4294967294',
  ],
  [
    'a lower-case capability',
    withProcess({ capabilities: { bounding: ['cap_chown'] } }),
    'process.capabilities.bounding[0]: must be a name such as CAP_CHOWN',
  ],
  [
    'soft above hard',
    withProcess({ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 2, hard: 1 }] }),
    'process.rlimits[0].soft: must not be above hard',
  ],
  [
    'a limit twice',
    withProcess({
      rlimits: [
        { type: 'RLIMIT_CPU', soft: 1, hard: 1 },
        { type: 'RLIMIT_CPU', soft: 1, hard: 1 },
      ],
    }),
    'process.rlimits[1].type: must not be there twice: RLIMIT_CPU',
  ],
  [
    'a relative mount',
    { ...smallest, mounts: [{ destination: 'tmp' }] },
    'mounts[0].destination: must be an absolute path',
  ],
  [
    'an empty option',
    { ...smallest, mounts: [{ destination: '/a', options: ['ro', ''] }] },
    'mounts[0].options[1]: must be a non-empty string',
  ],
  ['a long hostname', { ...smallest, hostname: 'a'.repeat(65) }, 'hostname: must not be longer than 64 bytes'],
  [
    'a relative hook',
    { ...smallest, hooks: { prestart: [{ path: 'x' }] } },
    'hooks.prestart[0].path: must be an absolute path',
  ],
  ['an annotation number', { ...smallest, annotations: { 'a.b': 1 } }, 'annotations["a.b"]: must be a string'],
  [
    'a key with control characters',
    { ...smallest, annotations: { 'a\u009b2J': 1 } },
    'annotations["a\\x9b2J"]: must be a string',
  ],
  [
    'an unknown namespace',
    withLinux({ namespaces: [{ type: 'net' }] }),
    'linux.namespaces[0].type: must be one of pid, network, mount, ipc, uts, user, cgroup, time',
  ],
  [
    'a namespace twice',
    withLinux({ namespaces: [{ type: 'pid' }, { type: 'pid' }] }),
    'linux.namespaces[1].type: must not be there twice: pid',
  ],
  [
    'a device letter',
    withLinux({ resources: { devices: [{ allow: true, access: 'rx' }] } }),
    'linux.resources.devices[0].access: must be some of r, w and m',
  ],
  ['a cgroup above', withLinux({ cgroupsPath: '/a/../../b' }), 'linux.cgroupsPath: must not contain ..'],
  [
    'CVE-2022-0811: a sysctl value of two lines',
    withLinux({ sysctl: { 'kernel.shm_rmid_forced': '1\nkernel.core_pattern=|/x' } }),
    'linux.sysctl["kernel.shm_rmid_forced"]: must be one line',
  ],
  [
    'a sysctl path',
    withLinux({ sysctl: { 'net/../kernel/core_pattern': 'x' } }),
    'linux.sysctl: must have keys such as net.ipv4.ip_forward, not "net/../kernel/core_pattern"',
  ],
  [
    'a cgroup file elsewhere',
    withLinux({ resources: { unified: { '../x': '1' } } }),
    'linux.resources.unified: must have keys such as memory.high, not "../x"',
  ],
  [
    'a propagation',
    withLinux({ rootfsPropagation: 'both' }),
    'linux.rootfsPropagation: must be one of shared, rshared, slave, rslave, private, rprivate, unbindable, runbindable',
  ],
];

for (const [what, value, message] of refused) {
  test(`refuses ${what}`, () => {
    try {
      parseSpec(value, 'config.json');
    } catch (error) {
      assert.instance(error, TsrunError);
      assert.is((error as TsrunError).kind, 'config');
      assert.is((error as TsrunError).message, `config.json: ${message}`);
      return;
    }
    assert.unreachable();
  });
}

test('reads back what it was given, without the fields nobody knows', () => {
  const spec = { ...withProcess({ env: ['A=', 'B=x=y'], args: ['sh', ''] }), vendor: { x: 1 } };
  assert.equal(parseSpec(spec, 'c'), withProcess({ env: ['A=', 'B=x=y'], args: ['sh', ''] }) as Spec);
});

test('takes null for an absent optional field, as Go writes a nil slice', () => {
  assert.equal(parseSpec({ ...smallest, mounts: null }, 'c'), smallest as Spec);
});

test('reads only own properties', () => {
  const child = Object.create({ ociVersion: '1.0.2', root: { path: 'r' } }) as object;
  assert.throws(() => parseSpec(child, 'c'), /ociVersion: must be given/);
});

test('image config steers: a key __proto__ is a key like any other', () => {
  const spec = parseSpec(JSON.parse('{"ociVersion":"1.0.2","root":{"path":"r"},"annotations":{"__proto__":"x"}}'), 'c');
  assert.equal(Object.keys(spec.annotations ?? {}), ['__proto__']);
  assert.is(({} as Record<string, unknown>).x, undefined);
  assert.throws(
    () => parseSpec(JSON.parse('{"__proto__":{"ociVersion":"1.0.2"},"root":{"path":"r"}}'), 'c'),
    /ociVersion: must be given/,
  );
});

test('an unlimited rlimit survives the way to disk and back', () => {
  const unlimited = withProcess({
    rlimits: [{ type: 'RLIMIT_CORE', soft: 2 ** 64, hard: 2 ** 64 }],
    args: ['"soft": 18446744073709552000,'],
  });
  const json = serializeSpec(parseSpec(unlimited, 'c'));
  assert.match(json, '"soft": 18446744073709551615,');
  assert.match(json, '"hard": 18446744073709551615\n');
  assert.equal(parseSpec(JSON.parse(json), 'c'), unlimited as Spec);
});

test.run();
