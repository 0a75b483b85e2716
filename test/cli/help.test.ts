import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROGRAM } from '../support/tsrun.ts';

const test = suite('help');

function tsrun(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--', PROGRAM, ...words], { encoding: 'utf8' });
  assert.is(stderr, '');
  assert.is(status, 0);
  return stdout;
}

for (const verb of ['run', 'exec'])
  test(`help ${verb} shows every option, as ${verb} --help does`, () => {
    assert.match(tsrun('help', verb), '--env-file');
    assert.is(tsrun('help', verb), tsrun(verb, '--help'));
  });

test('-h before a verb shows the options of all verbs', () => assert.match(tsrun('-h', 'run'), '--data-root'));

test.run();
