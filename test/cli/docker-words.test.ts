import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withDockerWords } from '../../src/cli/docker-words.ts';
import { DATA_ROOT } from '../../src/cli/flags.ts';
import { withPlanFlag } from '../../src/cli/plan-flag.ts';
import { addRunFlags } from '../../src/cli/run-flags.ts';

const test = suite('cli/docker-words');

/** What `run` is told by these words, as the real program puts it together. */
function read(...words: string[]): { opts: Record<string, unknown>; operands: string[] } {
  let found: ReturnType<typeof read> | undefined;
  const parent = new Command('tsrun').enablePositionalOptions();
  const command = withDockerWords(withPlanFlag(addRunFlags(new Command('run'))))
    .argument('[words...]')
    .option('--plan [format]', 'plan')
    .option(...(DATA_ROOT.slice(0, 1) as [string]))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action((operands: string[], opts: Record<string, unknown>) => {
      found = { opts, operands };
    });
  parent.addCommand(command).parse(['run', ...words], { from: 'user' });
  assert.ok(found);
  return found;
}

for (const [line, opts] of [
  ['--rm=true', { rm: true }],
  ['--rm=1 --init=T', { rm: true, init: true }],
  ['--rm=false', { rm: false }],
  ['--rm --rm=false', { rm: false }],
  ['--rm=false --rm', { rm: true }],
  ['-it=false', { interactive: true, tty: false }],
  ['-it -t=0', { interactive: true, tty: false }],
  ['-i=true -t=true', { interactive: true, tty: true }],
  ['-it', { interactive: true, tty: true }],
  ['-e=A=1 -eB=2 -e C=3 --env=D=4 -ie=E=5', { interactive: true, env: ['A=1', 'B=2', 'C=3', 'D=4', 'E=5'] }],
  ['-w=/srv', { workdir: '/srv' }],
  ['-w= -u =', { workdir: '=', user: '=' }],
  ['--name --rm=true', { name: '--rm=true' }],
  ['-h -i=true', { hostname: '-i=true' }],
  ['-i=true --plan', { interactive: true, plan: 'text' }],
  ['--plan=json --rm=true', { plan: 'json', rm: true }],
  ['--data-root /x --rm=true', { dataRoot: '/x', rm: true }],
] as const)
  test(line, () => {
    assert.equal(read(...line.split(' '), 'root', '--rm=x', '-t=no'), {
      opts,
      operands: ['root', '--rm=x', '-t=no'],
    });
  });

test('-- ends them', () => {
  assert.equal(read('--rm=true', '--', '--rm=false', 'x'), { opts: { rm: true }, operands: ['--rm=false', 'x'] });
});

test('neither true nor false', () => {
  for (const [line, text] of [
    ['--rm=yes', 'invalid argument "yes" for "--rm" flag: it is true or false'],
    ['--rm=', 'invalid argument "" for "--rm" flag: it is true or false'],
    ['-it=2', 'invalid argument "2" for "-t" flag: it is true or false'],
  ] as const)
    assert.throws(
      () => read(line, 'root'),
      (error: Error) => error.message === text,
    );
});

test('an option that is unknown, or without its value, is commander’s to refuse', () => {
  for (const [line, text] of [
    ['-iZ', "error: unknown option '-Z'"],
    ['--nope=true', "error: unknown option '--nope=true'"],
    ['-ie', "error: option '-e, --env <KEY=value>' argument missing"],
    ['--name', "error: option '--name <name>' argument missing"],
  ] as const)
    assert.throws(
      () => read(line),
      (error: Error) => error.message === text,
    );
});

test.run();
