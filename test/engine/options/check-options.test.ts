import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readRunFlags } from '../../../src/cli/run-flags.ts';
import { checkExecOptions, checkRunOptions } from '../../../src/engine/options/check-options.ts';
import type { BindMount, ExecOptions, RunOptions, TmpfsMount } from '../../../src/engine/run-options.ts';
import { failure } from './tables.ts';

const test = suite('options of a program');

const plain = readRunFlags({}, '/root fs', ['true'], { env: {}, cwd: '/', readFile: () => Buffer.alloc(0) });
const bind: BindMount = {
  type: 'bind',
  source: '/tmp',
  target: '/mnt',
  readonly: false,
  propagation: undefined,
  nonRecursive: false,
  readonlyRecursive: false,
  createSource: false,
};
const tmpfs: TmpfsMount = {
  type: 'tmpfs',
  target: '/t',
  readonly: false,
  size: undefined,
  mode: undefined,
  options: [],
};
const health = { test: [], interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
const NUL = 'a\0b';
const wrong = (value: unknown) => value as never;

const refused: [what: string, options: Partial<RunOptions>, message: RegExp][] = [
  ['a name that leads out', { name: '../../evil' }, /container name/],
  ['a name that is no text', { name: wrong(5) }, /must be a string/],
  ['a mount on /proc', { mounts: [{ ...bind, target: '/proc' }] }, /inside \/proc/],
  ['a mount below /proc, not clean', { mounts: [{ ...bind, target: '/x/../proc/./sys' }] }, /inside \/proc/],
  ['a mount on /dev', { mounts: [{ ...tmpfs, target: '/dev/' }] }, /\/dev is made by tsrun/],
  ['a mount on /', { mounts: [{ ...tmpfs, target: '/..' }] }, /can't be '\/'/],
  ['a relative target', { mounts: [{ ...tmpfs, target: 'x' }] }, /absolute/],
  ['a relative source', { mounts: [{ ...bind, source: 'x' }] }, /absolute/],
  ['a source with NUL', { mounts: [{ ...bind, source: `/${NUL}` }] }, /NUL/],
  ['two mounts at a place', { mounts: [bind, { ...tmpfs, target: '/x/../mnt/' }] }, /Duplicate mount point: \/mnt/],
  ['another type of mount', { mounts: [wrong({ ...tmpfs, type: 'proc' })] }, /mount type unknown/],
  ['another propagation', { mounts: [wrong({ ...bind, propagation: 'ro' })] }, /invalid propagation/],
  ['an option of tmpfs', { mounts: [{ ...tmpfs, options: ['size=1k,bind'] }] }, /invalid tmpfs option/],
  ['a size of tmpfs', { mounts: [{ ...tmpfs, size: wrong('1,exec') }] }, /invalid tmpfs option "size/],
  ['a mode of tmpfs', { mounts: [{ ...tmpfs, mode: -1 }] }, /invalid tmpfs option "mode/],
  ['a restart of what is removed', { remove: true, restart: { name: 'always', maximumRetryCount: 0 } }, /--restart/],
  ['another restart policy', { restart: wrong({ name: 'once', maximumRetryCount: 0 }) }, /unknown policy 'once'/],
  ['a count of restarts', { restart: wrong({ name: 'on-failure', maximumRetryCount: '3' }) }, /must be an integer/],
  ['a health check of NUL', { health: { ...health, test: ['CMD-SHELL', NUL] } }, /NUL/],
  ['a health check without end', { health: { ...health, timeout: Number.POSITIVE_INFINITY } }, /must be ns/],
  ['a hostname', { hostname: 'a\nb' }, /hostname/],
  ['a relative workdir', { workdir: 'x' }, /absolute/],
  ['a workdir with NUL', { workdir: `/${NUL}` }, /NUL/],
  ['a user', { user: '-1' }, /user/],
  ['a variable with NUL', { env: [['A', NUL]] }, /NUL/],
  ['a variable with NUL in its name', { env: [[NUL, '']] }, /NUL/],
  ['a variable with = in its name', { env: [['A=B', '']] }, /environment variable/],
  ['a label with NUL', { labels: new Map([['a', NUL]]) }, /NUL/],
  ['a command with NUL', { command: ['echo', NUL] }, /NUL/],
  ['an entrypoint with NUL', { entrypoint: NUL }, /NUL/],
  ['a root directory with NUL', { rootfs: `/${NUL}` }, /NUL/],
  ['a cidfile with NUL', { cidfile: `/${NUL}` }, /NUL/],
  ['a host', { extraHosts: [{ host: 'a b', ip: '1.1.1.1' }] }, /add-host/],
  ['an address', { extraHosts: [{ host: 'a', ip: '1.1.1.1\n6.6.6.6 bank' }] }, /invalid IP/],
  ['a name server', { dns: { servers: ['1.1.1.1\n#'], search: [], options: [] } }, /IP address/],
  ['a search domain', { dns: { servers: [], search: ['a b'], options: [] } }, /domain/],
  ['an option of DNS', { dns: { servers: [], search: [], options: ['a\nb'] } }, /DNS option/],
  ['a capability', { capAdd: ['CAP_NONE'] }, /capability/],
  ['a limit', { ulimits: [{ name: 'nofile', soft: Number.NaN, hard: 1 }] }, /ulimit/],
  ['a signal', { stopSignal: '65' }, /signal/],
  ['a time to stop', { stopTimeout: 1.5 }, /seconds/],
  ['a network', { network: wrong('container:x') }, /network/],
];
for (const [what, options, message] of refused) {
  test(`the library validates as the command line does: ${what} is refused`, () => {
    const error = failure(() => checkRunOptions({ ...plain, ...options }));
    assert.is(error.kind, 'usage');
    assert.match(error.message, message);
    assert.not.match(error.message, /[\x00-\x1f]/);
  });
}

test('what the command line accepts stays as it is, cleaned', () => {
  const flags = {
    name: 'n1',
    hostname: 'h',
    user: '1:2',
    workdir: '/w',
    env: ['A=1', 'B'],
    label: ['l=v'],
    volume: ['/a:/b:ro,rslave'],
    tmpfs: ['/run:size=50%,mode=1777,exec,nr_inodes=10k', '/t2:size=64m'],
    addHost: ['h:::1'],
    dns: ['1.1.1.1'],
    dnsSearch: ['.'],
    dnsOption: ['ndots:2'],
    capAdd: ['net_admin'],
    capDrop: ['all'],
    ulimit: ['nofile=5:-1', 'core=-1'],
    stopSignal: 'RTMIN+3',
    network: 'none',
    entrypoint: '/e',
    cidfile: 'c',
  };
  const read = readRunFlags(flags, 'root', ['a', ''], { env: {}, cwd: '/home', readFile: () => Buffer.alloc(0) });
  assert.equal(checkRunOptions(read), read);
  const mounts = [{ ...bind, target: '//mnt/./x/' }];
  assert.is(checkRunOptions({ ...plain, mounts, capAdd: ['net_admin'] }).mounts[0]?.target, '/mnt/x');
});

const exec: ExecOptions = {
  container: 'c',
  command: ['true'],
  env: [],
  workdir: undefined,
  user: undefined,
  interactive: false,
  tty: false,
  detach: false,
  privileged: false,
};
for (const [what, options] of [
  ['a command with NUL', { command: [NUL] }],
  ['a variable with NUL', { env: [['A', NUL]] }],
  ['a relative workdir', { workdir: '.' }],
  ['a user', { user: 'a:b:c' }],
] as const)
  test(`exec: ${what} is refused`, () => {
    assert.is(failure(() => checkExecOptions({ ...exec, ...(options as Partial<ExecOptions>) })).kind, 'usage');
    assert.equal(checkExecOptions(exec), exec);
  });

test.run();
