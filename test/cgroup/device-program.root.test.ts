import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { deviceFilterSteps } from '../../src/cgroup/device-filter.ts';
import { deviceRuleLine } from '../../src/cgroup/devices.ts';
import { detectCgroups } from '../../src/cgroup/host.ts';
import { defaultDeviceRules } from '../../src/engine/spec-defaults.ts';
import { slot } from '../../src/plan/arguments.ts';
import { play } from '../../src/plan/play.ts';
import { step } from '../../src/plan/step.ts';
import type { DeviceRule } from '../../src/spec/oci.ts';
import { openFiles } from '../plan/open-files.ts';
import { cgroupV1, cgroupV2, needs, root, tool } from '../support/needs.ts';

/** The program of cgroup v2, loaded and attached for real, beside the devices controller of v1 with the same rules. */
const test = needs(suite('the device program'), root(), tool('python3'), cgroupV2());
const v1 = cgroupV1('devices');
const { hierarchies } = detectCgroups();
const unified = hierarchies.find(({ version }) => version === 2)?.mountPoint ?? '';
const devices = hierarchies.find(({ controllers }) => controllers.includes('devices'))?.mountPoint ?? '';
const directory = mkdtempSync(join(tmpdir(), 'tsrun-device-program-'));
test.after(() => rmSync(directory, { recursive: true }));

/** Harmless ones; most have no driver here, which is another error than being denied. */
const NODES: [type: 'b' | 'c', major: number, minor: number][] = [
  ['c', 1, 3],
  ['c', 1, 5],
  ['c', 1, 9],
  ['c', 5, 0],
  ['c', 136, 4000],
  ['c', 240, 1],
  ['c', 240, 300],
  ['b', 1, 3],
  ['b', 240, 1],
];

/** Enters the cgroup, then opens each node for r, w and rw, and makes one like it. Prints y or n: only EPERM is a denial. */
const TRY = `
import os, stat, sys
attach, directory, nodes = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(attach, 'w') as file: file.write('0')
def tried(action):
    try: action()
    except OSError as error: return 'n' if error.errno == 1 else 'y'
    return 'y'
def open_close(path, flags): os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
def make(path, mode, dev):
    os.mknod(path, mode, dev); os.unlink(path)
for node in nodes:
    kind, major, minor = node.split(':')
    path = os.path.join(directory, node)
    mode = (stat.S_IFCHR if kind == 'c' else stat.S_IFBLK) | 0o600
    how = [tried(lambda: open_close(path, flags)) for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)]
    print(node, ''.join(how) + tried(lambda: make(path + '.new', mode, os.makedev(int(major), int(minor)))))
`;

test.before(() => {
  for (const [type, major, minor] of NODES)
    execFileSync('mknod', [join(directory, `${type}:${major}:${minor}`), type, `${major}`, `${minor}`]);
});

function attempts(attach: string): string {
  const words = ['-c', TRY, attach, directory, ...NODES.map((node) => node.join(':'))];
  const ended = spawnSync('python3', words, { encoding: 'utf8', timeout: 20_000 });
  assert.is(ended.status, 0, ended.stderr);
  return ended.stdout;
}

let count = 0;
function inCgroup<T>(hierarchy: string, work: (path: string) => T): T {
  count += 1;
  const path = join(hierarchy, `tsrun-test-devices-${process.pid}-${count}`);
  mkdirSync(path);
  try {
    return work(path);
  } finally {
    rmdirSync(path);
  }
}

const byProgram = (rules: readonly DeviceRule[]): string =>
  inCgroup(unified, (path) => {
    const close = ['filtered', 'program'].map((name) =>
      step('close', { fd: slot(name) }, 'the monitor ends with them'),
    );
    play('load the device program', [...deviceFilterSteps(path, rules), ...close]);
    return attempts(join(path, 'cgroup.procs'));
  });

const byController = (rules: readonly DeviceRule[]): string =>
  inCgroup(devices, (path) => {
    for (const rule of rules)
      writeFileSync(join(path, rule.allow ? 'devices.allow' : 'devices.deny'), deviceRuleLine(rule));
    return attempts(join(path, 'tasks'));
  });

const NONE: DeviceRule = { allow: false, access: 'rwm' };
const ALL: DeviceRule = { allow: true, access: 'rwm' };
const c = (allow: boolean, major: number | undefined, minor: number | undefined, access: string): DeviceRule => ({
  allow,
  type: 'c',
  ...(major === undefined ? {} : { major }),
  ...(minor === undefined ? {} : { minor }),
  access,
});

const LISTS: Record<string, DeviceRule[]> = {
  'everything but one denied': [ALL, c(false, 1, 3, 'rwm')],
  'all denied': [NONE],
  'the default of a container': defaultDeviceRules(),
  'read only': [NONE, c(true, 1, 3, 'r')],
  'read and write in two rules': [NONE, c(true, 1, 3, 'r'), c(true, 1, 3, 'w')],
  'make only': [NONE, c(true, undefined, undefined, 'm'), { allow: true, type: 'b', access: 'm' }],
  'any minor': [NONE, c(true, 240, undefined, 'rw')],
  'a minor above 255': [NONE, c(true, 240, 300, 'rwm')],
  'any major': [NONE, c(true, undefined, 3, 'r')],
  'block, not character': [NONE, { allow: true, type: 'b', major: 1, minor: 3, access: 'rwm' }],
  'writing denied': [ALL, c(false, 1, 3, 'w')],
  'one of a family denied again: v1 only takes back the same numbers': [
    NONE,
    c(true, 1, undefined, 'rw'),
    c(false, 1, 5, 'rw'),
  ],
  'allowed and taken back': [NONE, c(true, 1, 3, 'rwm'), c(false, 1, 3, 'w')],
  'a rule for all starts anew': [NONE, c(true, 1, 3, 'rwm'), NONE, c(true, 1, 5, 'rw')],
  'denied without a rule for all': [c(false, 1, 3, 'rwm')],
};

for (const [name, rules] of Object.entries(LISTS)) {
  needs(test, v1)(`as the controller of v1: ${name}`, () => {
    const before = openFiles();
    const program = byProgram(rules);
    assert.is(program, byController(rules));
    assert.equal(openFiles(), before, 'no descriptor is left');
  });
}

test('it does decide: the null device, and no other', () => {
  const tried = byProgram([NONE, c(true, 1, 3, 'rw')])
    .trim()
    .split('\n');
  assert.is(tried[0], 'c:1:3 yyyn');
  for (const line of tried.slice(1)) assert.match(line, / nnnn$/);
  assert.ok(tried.length === NODES.length);
});

test('without a program everything may be tried', () => {
  const tried = inCgroup(unified, (path) => attempts(join(path, 'cgroup.procs')));
  for (const line of tried.trim().split('\n')) assert.match(line, / yyyy$/);
});

test('the verifier takes a list much longer than any that we make', () => {
  const many = Array.from({ length: 150 }, (_, i) => c(true, 300 + (i % 70), i, 'rw'));
  const tried = byProgram([NONE, ...many, c(true, 1, 3, 'r')]);
  assert.match(tried, /^c:1:3 ynnn$/m);
});

const SIGNALS =
  'import os, sys, time\nwhile os.getppid() == int(sys.argv[1]): os.kill(int(sys.argv[1]), 12); time.sleep(0.005)';

test('signals that come while the verifier is at work do not end it', () => {
  const many = Array.from({ length: 150 }, (_, i) => c(true, 300 + (i % 70), i, 'rw'));
  const ignored = () => {};
  process.on('SIGUSR2', ignored);
  const sender = spawn('python3', ['-c', SIGNALS, `${process.pid}`], { stdio: 'ignore' });
  try {
    for (let round = 0; round < 100; round++)
      inCgroup(unified, (path) => {
        const close = ['filtered', 'program'].map((name) => step('close', { fd: slot(name) }, 'done'));
        play('load the device program', [...deviceFilterSteps(path, [NONE, ...many]), ...close]);
      });
  } finally {
    sender.kill('SIGKILL');
    process.off('SIGUSR2', ignored);
  }
});

test.run();
