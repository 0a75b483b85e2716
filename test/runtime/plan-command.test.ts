import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OPCODE } from '../../src/kernel/abi.ts';
import { packageRoot } from '../../src/kernel/library.ts';
import type { PlanJson } from '../../src/plan/render.ts';
import { type CallName, parametersOf } from '../../src/plan/step-types.ts';
import { linux, needs } from '../support/needs.ts';
import { treeState } from '../support/tree-state.ts';

/** `run --plan` by the real program, as whoever runs the tests. */
const test = needs(suite('run --plan'), linux());
const directory = mkdtempSync(join(tmpdir(), 'tsrun-plan-'));
const rootfs = join(directory, 'root fs');
const PROGRAM = join(packageRoot(), 'bin/tsrun.cjs');

test.before(() => {
  mkdirSync(join(rootfs, 'bin'), { recursive: true });
  writeFileSync(join(rootfs, 'bin/sh'), '');
  chmodSync(directory, 0o755);
});
test.after(() => rmSync(directory, { recursive: true }));

const NOBODY = 65534;
function plan(flags: readonly string[], uid?: number): { stdout: string; stderr: string; status: number | null } {
  const env = { PATH: process.env.PATH ?? '', TSRUN_ROOT: join(directory, 'data'), TSRUN_RUN: join(directory, 'run') };
  const as = uid === undefined ? {} : { uid, gid: uid, cwd: '/' };
  const words = [PROGRAM, 'run', ...flags, rootfs, 'sh', '-c', 'exit 3'];
  return spawnSync(process.execPath, words, { env, ...as, encoding: 'utf8', timeout: 20_000 });
}

test('it prints a line a step, and changes nothing', () => {
  const volume = join(directory, 'made-by-a-run');
  const before = treeState(directory);
  const { stdout, stderr, status } = plan(['--plan', '-v', `${volume}:/v`, '--cidfile', join(directory, 'cid')]);
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  assert.match(stdout, /^ +mount\("overlay", /m);
  assert.match(stdout, /^ +exec\(\[.*"sh", "-c", "exit 3"/m);
  for (const line of stdout.trim().split('\n')) assert.match(line, /^ *\w+\(.*\).* {2}# \S/);
  assert.is(treeState(directory), before);
});

test('--plan=json: every step with its name, arguments, reason, and the steps of its child', () => {
  const { stdout, status } = plan(['--plan=json', '--network', 'none']);
  assert.is(status, 0);
  const steps = JSON.parse(stdout) as PlanJson[];
  const [outer] = steps.filter(({ name }) => name === 'clone3');
  const [inner] = outer?.child?.filter(({ name }) => name === 'clone3') ?? [];
  assert.match(inner?.arguments.flags ?? '', /CLONE_NEWNS.*CLONE_NEWNET/);
  assert.is(inner?.child?.at(-1)?.name, 'exec');
  const every = (list: readonly PlanJson[]): PlanJson[] => list.flatMap((one) => [one, ...every(one.child ?? [])]);
  assert.ok(every(steps).length > 100);
  for (const one of every(steps)) {
    assert.ok(one.name === 'clone3' || one.name in OPCODE, one.name);
    assert.ok(one.call.startsWith(`${one.name}(`), one.call);
    assert.type(one.why, 'string');
    if (one.name !== 'clone3') {
      const names = parametersOf(one.name as CallName).map(([name]) => name);
      assert.equal(Object.keys(one.arguments), names, one.call);
    }
    assert.equal(
      Object.keys(one).filter(
        (key) =>
          !['call', 'name', 'arguments', 'why', 'save', 'expect', 'thenSkip', 'ignoreErrors', 'child'].includes(key),
      ),
      [],
    );
  }
});

test('text and json are the same plan', () => {
  const calls = (list: readonly PlanJson[]): string[] =>
    list.flatMap(({ call, child }) => [call, ...calls(child ?? [])]);
  const anonymous = (text: string): string =>
    text.replace(/[0-9a-f]{12,64}|[A-Z2-7]{26}|name\\?"?[=:]\\"\w+\\"|"\d{4}-[\d-]+T[\d:.]+Z[^"]*"|, \d+\)/g, '*');
  const json = calls(JSON.parse(plan(['--plan=json']).stdout) as PlanJson[]);
  const text = plan(['--plan'])
    .stdout.trim()
    .split('\n')
    .map((line) => line.trim());
  assert.is(text.length, json.length);
  json.forEach((call, i) => assert.ok(anonymous(text[i]!).startsWith(anonymous(call)), `${text[i]}\n${call}`));
});

const readable = spawnSync('cat', [PROGRAM], { uid: NOBODY, stdio: 'ignore' }).status === 0;
needs(test, { ok: readable, reason: 'not root (the tests above show it then), or the repository is closed to others' })(
  'it needs no privilege',
  () => {
    const { stdout, stderr, status } = plan(['--plan', '--privileged', '-t'], NOBODY);
    assert.is(status, 0, stderr);
    assert.match(stdout, /pivot_root/);
  },
);

test('a control character in an argument does not reach the terminal', () => {
  const { stdout, status } = plan(['--plan', '-e', 'EVIL=\u001b]0;owned\u0007']);
  assert.is(status, 0);
  assert.not.match(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test('what a run would refuse, its plan refuses', () => {
  const { stderr, status } = plan(['--plan', '--name', '../x']);
  assert.is(status, 125);
  assert.match(stderr, /^tsrun: /);
});

test.run();
