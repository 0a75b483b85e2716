import { Command, CommanderError } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RUN_ONLY_FLAGS } from '../../src/cli/client-flags.ts';
import { EXEC_FLAGS } from '../../src/cli/exec-flags.ts';
import { addFlags, DATA_ROOT, dockerStyle, type Flag } from '../../src/cli/flags.ts';
import { type PlainWords, readPlainWords } from '../../src/cli/plain-words.ts';
import { RM_FLAGS } from '../../src/cli/rm.ts';
import { RUN_FLAGS } from '../../src/cli/run-flags.ts';
import { STOP_FLAGS } from '../../src/cli/stop.ts';

const test = suite('cli/plain-words');
const FLAGS = {
  run: [...RUN_FLAGS, ...RUN_ONLY_FLAGS, DATA_ROOT],
  exec: [...EXEC_FLAGS, DATA_ROOT],
  stop: [...STOP_FLAGS, DATA_ROOT],
  rm: [...RM_FLAGS, DATA_ROOT],
};
type Verb = keyof typeof FLAGS;

/** What commander makes of the same words, below a parent as in the real program; undefined when it objects. */
function readByCommander(verb: Verb, words: readonly string[]): PlainWords | undefined {
  let found: PlainWords | undefined;
  const parent = new Command('tsrun').enablePositionalOptions();
  const command = addFlags(dockerStyle(parent.command(verb).argument('[words...]')), FLAGS[verb]);
  command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .action((operands: string[], opts: PlainWords['opts']) => {
      found = { opts, operands };
    });
  try {
    parent.parse([verb, ...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
  }
  return found;
}

function expectSame(verb: Verb, words: readonly string[]): PlainWords | undefined {
  const plain = readPlainWords(words, FLAGS[verb]);
  if (plain !== undefined) assert.equal(plain, readByCommander(verb, words), JSON.stringify(words));
  return plain;
}

const valueFlag = ([names]: Flag): boolean => names.includes('<');
const longName = ([names]: Flag): string => names.match(/--[\w-]+/)![0];
const shortName = ([names]: Flag): string | undefined => names.match(/^-\w/)?.[0];

for (const verb of ['run', 'exec', 'stop', 'rm'] as const)
  for (const flag of FLAGS[verb])
    test(`${verb}: ${flag[0]}, as it is mostly spelled`, () => {
      const names = [longName(flag), shortName(flag)].filter((name) => name !== undefined);
      for (const name of names) {
        const words = valueFlag(flag) ? [name, 'a=b:c', name, 'second'] : [name, name];
        assert.ok(expectSame(verb, [...words, 'root', 'ls', '-l']), 'it is plain');
      }
      if (valueFlag(flag)) assert.ok(expectSame(verb, [`${longName(flag)}=a=b`, 'root']), 'and with =');
    });

test('what is not plain is left to commander', () => {
  for (const line of [
    '--help',
    '--no-such root',
    '--plan root',
    '--log-level debug root',
    '-x root',
    '-- root',
    '- root',
    '-e=A=1 root',
    '-it=true root',
    '-itZA=1 root',
    '--rm=true root',
    '--rm=',
    '--name',
    '-e',
    '--name --rm root',
    '-i- root',
    '-=x root',
    '--env-fil x root',
    '--=x root',
  ])
    assert.is(readPlainWords(line.split(' '), FLAGS.run), undefined, line);
  assert.is(readPlainWords(['--name <name>', 'x', 'root'], FLAGS.run), undefined);
  assert.is(readPlainWords(['--env,', 'x', 'root'], FLAGS.run), undefined);
});

test('letters with a value behind them', () => {
  for (const [line, opts] of [
    ['-eA=1', { env: ['A=1'] }],
    ['-ite A=1', { interactive: true, tty: true, env: ['A=1'] }],
    ['-iteA=1 -e B', { interactive: true, tty: true, env: ['A=1', 'B'] }],
    ['-uroot -w/srv', { user: 'root', workdir: '/srv' }],
    ['-hit', { hostname: 'it' }],
  ] as const)
    assert.equal(expectSame('run', [...line.split(' '), 'root']), { opts, operands: ['root'] });
});

test('from the first operand on nothing is read', () => {
  const plain = expectSame('run', ['--rm', 'root', '--rm', '--', '-e', '', '-']);
  assert.equal(plain, { opts: { rm: true }, operands: ['root', '--rm', '--', '-e', '', '-'] });
  assert.equal(expectSame('run', ['', 'x']), { opts: {}, operands: ['', 'x'] });
});

/** Numbers that are the same in every run. */
function* pseudoRandom(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (state * 48271) % 0x7fffffff;
    yield state;
  }
}

test('whatever the words: what is read is what commander reads', () => {
  const random = pseudoRandom();
  const oneOf = <T>(all: readonly T[]): T => all[random.next().value % all.length]!;
  let plain = 0;
  for (let round = 0; round < 4000; round++) {
    const verb = oneOf(['run', 'exec'] as const);
    const words = Array.from({ length: random.next().value % 6 }, () => {
      const flag = oneOf(FLAGS[verb]);
      return oneOf([
        longName(flag),
        shortName(flag) ?? '--rm',
        `${longName(flag)}=${oneOf(['', 'x', 'a=b'])}`,
        oneOf(['-it', '-ti', '-eA', '-ie', '-iwA=b', '-tiu', '--', '-', '', 'word', 'A=b', '--nope', '-1']),
        'root',
      ]);
    });
    if (expectSame(verb, words) !== undefined) plain++;
  }
  assert.ok(plain > 400, `${plain} of 4000 were plain`);
});

test.run();
