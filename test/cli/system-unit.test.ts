import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unitText } from '../../src/cli/system-unit.ts';
import { needs, tool } from '../support/needs.ts';
import { PROGRAM } from '../support/tsrun.ts';

const test = suite('system unit');
let directory: string;

test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-unit-'));
});
test.after(() => rmSync(directory, { recursive: true, force: true }));

function unit(env: Record<string, string>, program = PROGRAM, ...flags: string[]): string {
  const words = ['--', program, 'system', 'unit', ...flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
  });
  assert.equal([status, stderr], [0, '']);
  return stdout;
}

const line = (text: string, key: string): string | undefined =>
  text.split('\n').find((one) => one.startsWith(`${key}=`));

test('the program’s real path, and no roots when they are the defaults', () => {
  const link = join(directory, 'tsrun');
  symlinkSync(PROGRAM, link);
  const text = unit({}, link);
  assert.is(line(text, 'ExecStart'), `ExecStart=${process.execPath} -- ${PROGRAM} start --restart-policy`);
  assert.is(line(text, 'RequiresMountsFor'), 'RequiresMountsFor=/var/lib/tsrun');
  assert.is(line(text, 'Environment'), undefined);
});

test('the roots that it was asked with', () => {
  for (const text of [
    unit({ TSRUN_ROOT: '/srv/data', TSRUN_RUN: '/run/other' }),
    unit({ TSRUN_RUN: '/run/other' }, PROGRAM, '--data-root', '/srv/data/'),
  ]) {
    assert.match(line(text, 'ExecStart')!, / start --restart-policy --data-root \/srv\/data$/);
    assert.is(line(text, 'Environment'), 'Environment=TSRUN_RUN=/run/other');
    assert.is(line(text, 'RequiresMountsFor'), 'RequiresMountsFor=/srv/data');
  }
});

test('odd characters are systemd’s escapes; a line break is refused', () => {
  const facts = { node: '/usr/bin/node', program: '/opt/tsrun', runRoot: '/run/tsrun' };
  const text = unitText({ ...facts, dataRoot: '/a b/50%/$HOME/"q"\\' });
  assert.match(line(text, 'ExecStart')!, '--data-root "/a b/50%%/$$HOME/\\"q\\"\\\\"');
  assert.match(line(text, 'RequiresMountsFor')!, '"/a b/50%%/$HOME/\\"q\\"\\\\"');
  assert.throws(() => unitText({ ...facts, dataRoot: '/a\nExecStart=/bin/sh' }), /control character/);
});

const verified = needs(test, tool('systemd-analyze'));

for (const [what, root] of [
  ['a plain data root', 'data'],
  ['one with odd characters', 'da ta %n $HOME "q"'],
] as const)
  verified(`systemd-analyze verify: ${what}`, () => {
    const dataRoot = join(directory, root);
    mkdirSync(dataRoot);
    const file = join(directory, 'tsrun.service');
    writeFileSync(file, unit({ TSRUN_ROOT: dataRoot, TSRUN_RUN: join(directory, 'r un') }));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    const about = `${stdout}${stderr}`.split('\n').filter((one) => one.includes('tsrun'));
    assert.equal([status, about], [0, []]);
  });

verified('systemd-analyze verify objects to a unit that is wrong', () => {
  const file = join(directory, 'wrong.service');
  writeFileSync(file, unit({}).replace('Type=oneshot', 'Type=once').replace(process.execPath, '/nowhere/node'));
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8', timeout: 60_000 });
  assert.match(stderr, /wrong\.service/);
});

test.run();
