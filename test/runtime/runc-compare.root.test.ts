import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createContainer } from '../../src/engine/create.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { makeMiniRootfs } from '../../src/image/mini-rootfs.ts';
import type { Spec } from '../../src/spec/oci.ts';
import { serializeSpec } from '../../src/spec/serialize.ts';
import { parseSpec } from '../../src/spec/validate.ts';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, PATIENCE_MS, PROGRAM, type Tsrun } from '../support/tsrun.ts';
import { parseRun } from './golden-run.ts';
import { runWithRunc } from './runc.ts';
import { told } from './runc-differences.ts';
import { type Difference, differences, parseView, VIEW_SCRIPT, type View } from './view.ts';

/**
 * The same bundles, run by tsrun and by Debian's runc: what the command sees must be the same, but for the differences that are
 * listed in runc-differences.ts with their reason.
 */
const test = needs(suite('the same bundle, run by runc'), root(), overlay(), tool('runc'), tool('script'));

const CONFIGURATIONS: readonly [name: string, words: string][] = [
  ['plain', ''],
  ['terminal', '-t'],
  ['read-only', '--read-only'],
  ['volumes', '-v DIR/volume:/v -v DIR/volume:/w/ro:ro -v DIR/volume/file:/etc/motd:ro'],
  ['tmpfs', '--tmpfs /t:rw,exec,size=16m,mode=1750 --mount type=tmpfs,dst=/v,tmpfs-size=1m'],
  ['tmpfs-over', '--tmpfs /w --tmpfs /tmp:size=1m --tmpfs /work/new'],
  ['network-none', '--network none'],
  ['privileged', '--privileged'],
  ['user', '-u 1000:1000'],
  ['user-terminal', '-t -u 1000:1000'],
  ['cap-drop', '--cap-drop ALL'],
  ['cap-add', '--cap-drop ALL --cap-add NET_ADMIN --cap-add SYS_PTRACE -u 1000'],
  ['ulimit', '--ulimit nofile=512:1024 --ulimit core=0 --ulimit nproc=4096'],
  ['workdir', '-w /work/here'],
  ['names', '-h box.example -e GREETING=hello -e EMPTY= -e PATH=/usr/bin:/bin --add-host box:10.0.0.1 --dns 10.0.0.2'],
  ['device-volume', '-v /dev/urandom:/dev/random'],
  ['slave', '-v DIR/shared:/v:rslave'],
  ['shared', '-v DIR/shared:/v:rshared -v DIR/volume:/w/private'],
];

let tsrun: Tsrun;
let directory: string;
let rootfs: string;

test.before(async () => {
  tsrun = await openTsrun();
  directory = mkdtempSync(join(tmpdir(), 'tsrun-runc-compare-'));
  rootfs = join(directory, 'rootfs');
  await makeMiniRootfs(rootfs, 'bash cat find head ls readlink sort stat tr'.split(' '));
  mkdirSync(join(rootfs, 'w'), { mode: 0o750 });
  mkdirSync(join(directory, 'volume'));
  writeFileSync(join(directory, 'volume/file'), 'volume\n');
  mkdirSync(join(directory, 'shared'));
  expectMount('--bind', join(directory, 'shared'), join(directory, 'shared'));
  expectMount('--make-shared', join(directory, 'shared'));
});
test.after(async () => {
  await tsrun?.close();
  spawnSync('umount', [join(directory, 'shared')]);
  rmSync(directory, { recursive: true, force: true });
});

function expectMount(...words: string[]): void {
  const { status, stderr } = spawnSync('mount', words, { encoding: 'utf8' });
  assert.is(status, 0, stderr);
}

type Change = (spec: Spec) => void;

/** Namespaces by whose they are: the numbers are different in every run. */
function namespaceNames(): [string, string][] {
  return readdirSync('/proc/self/ns').map((name) => [readlinkSync(`/proc/self/ns/${name}`), 'the host’s']);
}

/** Runs the bundle with both. `change`: of config.json, for both; `before`: of config.json, for runc alone. */
function compare(name: string, words: string, change: Change = () => {}, theirChange: Change = () => {}): Difference[] {
  const engine = openEngine({ dataRoot: tsrun.dataRoot, runRoot: tsrun.runRoot });
  const flags = words.replaceAll('DIR', directory).split(' ').filter(Boolean);
  const options = { ...parseRun(flags, rootfs), name, command: ['bash', '-c', VIEW_SCRIPT] };
  const { record } = createContainer(engine, options);
  const bundle = engine.paths.container(record.id);
  const names = [[bundle, '<BUNDLE>'] as const, ...namespaceNames()];
  const clean = (view: View): View => new Map([...view].map(([key, value]) => [key, tidy(key, value)]));
  const config = join(bundle, 'config.json');
  const spec = parseSpec(JSON.parse(readFileSync(config, 'utf8')), 'config.json');
  change(spec);
  const theirSpec = structuredClone(spec);
  theirChange(theirSpec);
  writeFileSync(config, serializeSpec(theirSpec));
  const theirs = clean(
    parseView(
      runWithRunc(bundle, `tsrun-compare-${process.pid}-${record.id.slice(0, 12)}`, join(directory, 'shared')),
      names,
    ),
  );
  // What one makes, such as the directory of a tmpfs, must not be there for the other.
  const upper = join(engine.paths.layer(record.layer), 'diff');
  for (const one of readdirSync(upper)) rmSync(join(upper, one), { recursive: true });
  writeFileSync(config, serializeSpec(spec));
  const ours = clean(parseView(runWithTsrun(name, options.tty), names));
  assert.ok(ours.size > 100 && theirs.size > 100, 'both have printed their view');
  return differences(ours, theirs);
}

function runWithTsrun(name: string, terminal: boolean): string {
  if (!terminal) return expectOk(tsrun.run(['start', '-a', name]));
  const command = `exec '${process.execPath}' '${PROGRAM}' start -a ${name}`;
  const env = { PATH: process.env.PATH ?? '', TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot, TERM: 'dumb' };
  const ended = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env,
    timeout: PATIENCE_MS,
    input: '',
  });
  assert.is(ended.status, 0, ended.stdout);
  return ended.stdout;
}

/** Numbers that are any: inodes of new namespaces and of pipes. */
function tidy(key: string, value: string): string {
  if (key.startsWith('namespace ')) return value.replace(/^\w+:\[\d+\]$/, 'its own');
  if (key.startsWith('fd ')) return value.replace(/\[\d+\]/, '');
  if (key === 'hidden /proc/keys') return value === '' ? '' : 'the keys of the moment';
  return value;
}

for (const [name, words] of CONFIGURATIONS) {
  test(`${name}: ${words}`, () => {
    assert.is(told(name, compare(name, words)), '');
  });
}

/** What config.json can say and the options of `run` do not. */
const CHANGES: Record<string, Change> = {
  'out-of-memory score': (spec) => (spec.process!.oomScoreAdj = 321),
  'no score': (spec) => delete spec.process!.oomScoreAdj,
  'no new privileges': (spec) => (spec.process!.noNewPrivileges = true),
  umask: (spec) => (spec.process!.user.umask = 0o77),
  groups: (spec) => (spec.process!.user = { uid: 12, gid: 34, additionalGids: [56, 78] }),
  'inheritable and ambient capabilities': (spec) => {
    const names = ['CAP_CHOWN', 'CAP_KILL'];
    spec.process!.capabilities = { ...spec.process!.capabilities, inheritable: names, ambient: names };
  },
  'a narrower effective set': (spec) => (spec.process!.capabilities!.effective = ['CAP_CHOWN']),
  sysctls: (spec) => {
    spec.linux!.namespaces!.push({ type: 'network' });
    spec.linux!.sysctl = { 'kernel.msgmax': '4321', 'fs.mqueue.msg_max': '7', 'net.core.somaxconn': '99' };
  },
  devices: (spec) => {
    spec.linux!.devices = [
      { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o640, uid: 5, gid: 6 },
      { type: 'b', path: '/dev/block/8:300', major: 8, minor: 300, fileMode: 0o600, uid: 0, gid: 0 },
      { type: 'p', path: '/dev/pipe', fileMode: 0o622, uid: 0, gid: 0 },
      { type: 'c', path: '/dev/net/tun', major: 10, minor: 200, uid: 0, gid: 0 },
    ];
  },
  'no masks, other read-only paths': (spec) => {
    spec.linux!.maskedPaths = ['/proc/version', '/proc/no-such', '/sys/class'];
    spec.linux!.readonlyPaths = ['/proc/irq', '/dev/shm', '/no-such'];
  },
  'fewer namespaces': (spec) => {
    spec.linux!.namespaces = [{ type: 'mount' }, { type: 'pid' }, { type: 'uts' }, { type: 'ipc' }];
  },
  'a mount of every kind of flag': (spec) => {
    const options = ['noatime', 'nosuid', 'nodev', 'noexec', 'mode=700', 'size=1m', 'ro'];
    spec.mounts!.push({ destination: '/t', type: 'tmpfs', source: 'somewhere', options });
    spec.mounts!.push({ destination: '/v', type: 'tmpfs', source: 'tmpfs', options: ['strictatime', 'nodiratime'] });
    spec.mounts!.push({
      destination: '/w',
      type: 'none',
      source: join(directory, 'volume'),
      options: ['bind', 'ro', 'noexec', 'private'],
    });
  },
};
for (const [name, change] of Object.entries(CHANGES)) {
  test(`config.json: ${name}`, () => {
    assert.is(
      told(
        `changed-${name.replaceAll(/[ ,]+/g, '-')}`,
        compare(`changed-${name.replaceAll(/[ ,]+/g, '-')}`, '', change),
      ),
      '',
    );
  });
}

test('a difference is seen', () => {
  const found = compare('different', '', undefined, (spec) => {
    spec.process!.oomScoreAdj = 77;
    spec.process!.user.umask = 0o77;
    const few = ['CAP_CHOWN'];
    spec.process!.capabilities = { bounding: few, effective: few, permitted: few };
    spec.process!.env!.push('MORE=yes');
    spec.root.readonly = true;
    spec.hostname = 'other';
    spec.linux!.maskedPaths = spec.linux!.maskedPaths!.filter((path) => path !== '/proc/keys');
    spec.linux!.namespaces = spec.linux!.namespaces!.filter(({ type }) => type !== 'ipc');
    spec.mounts = spec.mounts!.filter(({ destination }) => destination !== '/dev/shm');
  });
  const keys = new Set(found.map(({ key }) => key));
  for (const key of [
    'file /proc/1/oom_score_adj',
    'status Umask',
    'status CapEff',
    'environ MORE',
    'mount /',
    'file /proc/sys/kernel/hostname',
    'hidden /proc/keys',
    'namespace ipc',
    'mount /dev/shm',
  ])
    assert.ok(keys.has(key), key);
});

test.run();
