import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunFlags, readRunFlags } from '../../src/cli/run-flags.ts';
import type { EnvChange, RunOptions } from '../../src/engine/run-options.ts';
import type { SpecFacts } from '../../src/engine/spec-facts.ts';
import { specEnv } from '../../src/engine/spec-process.ts';
import { toSpec } from '../../src/engine/to-spec.ts';
import type { Spec } from '../../src/spec/oci.ts';
import { serializeSpec } from '../../src/spec/serialize.ts';
import { parseSpec } from '../../src/spec/validate.ts';
import { golden } from './golden.ts';
import { failure } from './options/tables.ts';

const test = suite('engine/to-spec');

const id = '4f'.repeat(32);
const facts: SpecFacts = {
  id,
  hostname: id.slice(0, 12),
  rootPath: 'rootfs',
  user: { uid: 0, gid: 0, additionalGids: [0], home: '/root', username: 'root' },
  hostFiles: {
    hosts: `/data/containers/${id}/hosts`,
    hostname: `/data/containers/${id}/hostname`,
    resolvConf: `/data/containers/${id}/resolv.conf`,
  },
  availableCapabilities: (1n << 41n) - 1n,
  cgroupsPath: `/tsrun/${id}`,
};
const overlay = {
  base: '/var/lib/tsrun/overlay2',
  lowerDirs: ['/data/overlay2/l/AAA', '/data/overlay2/l/BBB'],
  upperDir: '/data/overlay2/c/diff',
  workDir: '/data/overlay2/c/work',
  volatile: false,
};

function options(flags: RunFlags, command = ['sh']): RunOptions {
  return readRunFlags(flags, 'root', command, { env: {}, cwd: '/home/me', readFile: () => Buffer.alloc(0) });
}

function spec(flags: RunFlags, more: Partial<SpecFacts> = {}): Spec {
  return toSpec(options(flags), { ...facts, ...more });
}

const configurations: Array<[name: string, flags: RunFlags, more?: Partial<SpecFacts>]> = [
  ['plain', {}],
  [
    'interactive',
    {
      interactive: true,
      tty: true,
      init: true,
      hostname: 'box',
      env: ['TERM=dumb', 'A=1', 'PATH=/bin'],
      stopSignal: 'INT',
    },
    { overlay },
  ],
  [
    'host-network',
    { network: 'host', readOnly: true, workdir: '/srv', entrypoint: '/bin/echo' },
    { hostname: 'myhost' },
  ],
  [
    'privileged',
    { privileged: true },
    { hostDevices: [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 }] },
  ],
  [
    'mounts',
    {
      volume: ['/a/b:/srv/data/deep:ro', './here:/srv:rslave', '/my/hosts:/etc/hosts:ro'],
      mount: ['type=tmpfs,target=/dev/shm,tmpfs-size=128m', 'type=bind,src=/c,dst=/c,bind-recursive=disabled'],
      tmpfs: ['/run:rw,noexec,size=64m,mode=1777', '/tmp:exec,suid,ro'],
    },
  ],
  [
    'user',
    {
      user: '1000:1000',
      capAdd: ['net_admin'],
      capDrop: ['mknod', 'NET_RAW'],
      ulimit: ['nofile=1024:2048', 'core=-1'],
    },
    { user: { uid: 1000, gid: 1000, additionalGids: [1000], home: '/', username: undefined } },
  ],
];

for (const [name, flags, more] of configurations) {
  test(`golden: ${name}`, () => {
    const json = serializeSpec(spec(flags, more));
    golden(`spec/${name}.json`, json);
    assert.is(
      serializeSpec(parseSpec(JSON.parse(json), 'config.json')).length,
      json.length,
      'the validator lets it through whole',
    );
  });
}

test('a command or an entrypoint is needed', () => {
  assert.is(failure(() => toSpec(options({}, []), facts)).message, 'no command specified');
  assert.equal(toSpec(options({ entrypoint: 'sh' }, []), facts).process?.args, ['sh']);
  assert.equal(toSpec(options({ entrypoint: '' }), facts).process?.args, ['sh']);
});

const envs: Array<[what: string, changes: EnvChange[], expected: string[]]> = [
  ['none', [], ['PATH=P', 'HOSTNAME=h', 'HOME=/root']],
  [
    'in place',
    [
      ['HOSTNAME', 'x'],
      ['A', '1'],
      ['A', '2'],
    ],
    ['PATH=P', 'HOSTNAME=x', 'A=2', 'HOME=/root'],
  ],
  [
    'taken away',
    [
      ['HOSTNAME', null],
      ['A', '1'],
      ['A', null],
      ['B', null],
    ],
    ['PATH=P', 'HOME=/root'],
  ],
  [
    'HOME given',
    [
      ['HOME', '/h'],
      ['A', ''],
    ],
    ['PATH=P', 'HOSTNAME=h', 'HOME=/h', 'A='],
  ],
  [
    'HOME empty',
    [
      ['HOME', ''],
      ['A', ''],
    ],
    ['PATH=P', 'HOSTNAME=h', 'HOME=/root', 'A='],
  ],
];

for (const [what, changes, expected] of envs) {
  test(`env: ${what}`, () => {
    const env = specEnv({ hostname: 'h', tty: false, home: '/root', changes });
    assert.equal(
      env,
      expected.map((entry) =>
        entry.replace('PATH=P', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'),
      ),
    );
  });
}

function destinations(flags: RunFlags): string[] {
  return (spec(flags).mounts ?? []).map((mount) => mount.destination).slice(7);
}

test('mounts: no mount hides a later one', () => {
  assert.equal(destinations({ volume: ['/x:/a/b/c', '/y:/a'], tmpfs: ['/a/b'] }), [
    '/a',
    '/etc/resolv.conf',
    '/etc/hostname',
    '/etc/hosts',
    '/a/b',
    '/a/b/c',
  ]);
});

test('mounts: a tmpfs at one of the three files takes its place', () => {
  const found = spec({ tmpfs: ['/etc/hosts'] }).mounts?.filter((mount) => mount.destination === '/etc/hosts');
  assert.equal(
    found?.map((mount) => mount.type),
    ['tmpfs'],
  );
});

test('mounts: shared beats slave for the root', () => {
  assert.is(spec({ volume: ['/a:/a:slave', '/b:/b:rshared'] }).linux?.rootfsPropagation, 'shared');
  assert.is(spec({ volume: ['/a:/a'] }).linux?.rootfsPropagation, undefined);
});

test('ulimit: raising without CAP_SYS_RESOURCE is refused by name', () => {
  const hostRlimits = new Map([['RLIMIT_NOFILE', { soft: 1024, hard: 4096 }]]);
  const weak = { hostRlimits, availableCapabilities: 0x1fffeffffffn };
  assert.is(
    failure(() => spec({ ulimit: ['nofile=8192'] }, weak)).message,
    "--ulimit nofile: 8192 is above this process's own hard limit 4096",
  );
  assert.is(
    failure(() => spec({ ulimit: ['nofile=-1'] }, weak)).message,
    "--ulimit nofile: unlimited is above this process's own hard limit 4096",
  );
  assert.equal(spec({ ulimit: ['nofile=4096'] }, weak).process?.rlimits, [
    { type: 'RLIMIT_NOFILE', soft: 4096, hard: 4096 },
  ]);
  assert.equal(spec({ ulimit: ['nofile=8192'] }, { hostRlimits }).process?.rlimits, [
    { type: 'RLIMIT_NOFILE', soft: 8192, hard: 8192 },
  ]);
});

test('seccomp: passed on, but not with --privileged', () => {
  const seccomp = { defaultAction: 'SCMP_ACT_ERRNO' };
  assert.equal(spec({}, { seccomp }).linux?.seccomp, seccomp);
  assert.is(spec({ privileged: true }, { seccomp }).linux?.seccomp, undefined);
});

test('image config steers: labels never become annotations', () => {
  assert.is(spec({ label: ['dev.tsrun.init=true', 'dev.tsrun.overlay.upperdir=/'] }).annotations, undefined);
});

test('specs do not share parts: changing one leaves the next alone', () => {
  spec({}).mounts?.[0]?.options?.push('x');
  spec({}).linux?.maskedPaths?.push('/x');
  assert.equal(spec({}).mounts?.[0]?.options, ['nosuid', 'noexec', 'nodev']);
  assert.not.ok(spec({}).linux?.maskedPaths?.includes('/x'));
});

test.run();
