import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spellOutPlan } from '../../src/cli/plan-flag.ts';
import { addRunFlags } from '../../src/cli/run-flags.ts';

const test = suite('cli/plan-flag');
const { options } = addRunFlags(new Command('run')).option('--plan [format]');
const spelled = (line: string): string => spellOutPlan(line.split(' '), options).join(' ');

test('--plan before the root directory does not take it for its format', () => {
  assert.is(spelled('--plan ./root ls'), '--plan=text ./root ls');
  assert.is(spelled('--rm --plan -it ./root'), '--rm --plan=text -it ./root');
});

test('values of other flags are passed over, attached or not', () => {
  assert.is(spelled('-e --plan --plan root'), '-e --plan --plan=text root');
  assert.is(spelled('-eA=1 --plan root'), '-eA=1 --plan=text root');
  assert.is(spelled('-ite A=1 --name x --plan root'), '-ite A=1 --name x --plan=text root');
  assert.is(spelled('--env=A --plan root'), '--env=A --plan=text root');
});

test('a format that is given stays', () => {
  assert.is(spelled('--plan=json root'), '--plan=json root');
});

test('what belongs to the command of the container stays', () => {
  assert.is(spelled('root --plan'), 'root --plan');
  assert.is(spelled('--rm root sh --plan -c'), '--rm root sh --plan -c');
  assert.is(spelled('-- root --plan'), '-- root --plan');
});

test.run();
