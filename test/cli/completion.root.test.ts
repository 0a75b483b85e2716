import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root, tool } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('completion'), root(), overlay());
const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'tsrun');
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
  for (const name of ['apple', 'apricot', 'banana']) tsrun.run(['run', '--name', name, tsrun.rootfs, 'true']);
  mkdirSync(join(tsrun.directory, 'some where'));
  writeFileSync(join(tsrun.directory, 'some.env'), '');
});
test.after(() => tsrun.close());

function shell(program: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 30_000,
    cwd: tsrun.directory,
    env: { PATH: `${join(PROGRAM, '..')}:${process.env.PATH}`, TSRUN_ROOT: tsrun.dataRoot, TSRUN_RUN: tsrun.runRoot },
  });
  if (status !== 0 || stderr !== '') throw new Error(`${program}: ${status}\n${stderr}`);
  return stdout;
}

const IN_BASH = `
source <(tsrun completion bash)
function=$(complete -p tsrun | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$function" 2>&1
printf '%s\\n' "\${COMPREPLY[@]}"
`;
/** What bash offers for the last word. */
function offered(...words: string[]): string[] {
  return shell('bash', ['--norc', '-c', IN_BASH, 'bash', 'tsrun', ...words])
    .split('\n')
    .filter(Boolean);
}

/** The long flags that `--help` shows. */
function helpFlags(verb: string): string[] {
  const help = expectOk(tsrun.run([verb, '--help']));
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name ?? '');
}

const bash = needs(test, tool('bash'));

bash('verbs, before and after flags of the program', () => {
  assert.equal(offered('in'), ['inspect', 'info']);
  assert.equal(offered('--data-root', '/x', 'ex'), ['exec']);
  assert.ok(offered('').includes('completion'));
  assert.equal(offered('--data-r'), ['--data-root']);
  assert.equal(offered('--data-root', 'some w'), ['some where']);
});

bash('every flag of every verb that --help has', () => {
  for (const verb of offered('')) assert.equal(offered(verb, '--').sort(), helpFlags(verb).sort(), verb);
});

bash('names of containers, all of them where several fit', () => {
  for (const verb of ['start', 'exec', 'inspect', 'diff', 'rm'])
    assert.equal(offered(verb, 'ap').sort(), ['apple', 'apricot'], verb);
  assert.equal(offered('rm', '-f', 'apple', 'b'), ['banana']);
  assert.equal(offered('diff', 'apple', ''), []);
  assert.equal(offered('exec', '-e', 'ap', 'b'), ['banana']);
  assert.equal(offered('--data-root', '/nowhere', 'rm', ''), []);
});

bash('directories for a root, files for a flag that wants one', () => {
  assert.equal(offered('run', 'some'), ['some where']);
  assert.equal(offered('run', '--env-file', 'some').sort(), ['some where', 'some.env']);
  assert.equal(offered('run', '--name', 'so'), []);
});

bash('a command inside a container is left alone', () => {
  assert.equal(offered('run', 'rootfs', '--'), []);
  assert.equal(offered('exec', 'apple', 'ls', '--'), []);
  assert.equal(offered('exec', 'apple', 'ap'), []);
});

bash('the shells that there are', () => {
  assert.equal(offered('completion', ''), ['bash', 'zsh', 'fish']);
  assert.is(tsrun.run(['completion', 'tcsh']).code, 125);
});

/** Types into an interactive zsh on a terminal of its own, and waits for what the completion makes of it. */
const IN_ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PATH=$PATH TSRUN_ROOT=$TSRUN_ROOT TSRUN_RUN=$TSRUN_RUN; export TSRUN_ROOT TSRUN_RUN"
zpty -w shell 'autoload -Uz compinit; compinit -u -D; source <(tsrun completion zsh); print LOA""DED'
zpty -r -m shell text '*LOADED*'
zpty -w -n shell "$1"$'\\t'
zpty -r -m shell text "*$2*" && print found
zpty -d shell`;

needs(test, tool('zsh'))('zsh completes verbs, flags and names', () => {
  for (const [typed, shown] of [
    ['tsrun comp', 'tsrun completion'],
    ['tsrun run --env-', 'tsrun run --env-file'],
    ['tsrun rm -f apple b', 'tsrun rm -f apple banana'],
  ] as const)
    assert.is(shell('zsh', ['-f', '-c', IN_ZSH, 'zsh', typed, shown]), 'found\n', typed);
});

needs(test, tool('fish'))('fish offers the same', () => {
  const script = (line: string) => `tsrun completion fish | source; complete -C ${JSON.stringify(line)}`;
  const words = (line: string) =>
    shell('fish', ['--no-config', '-c', script(line)])
      .split('\n')
      .filter(Boolean)
      .map((text) => text.split('\t')[0] ?? '');
  assert.equal(words('tsrun in').sort(), ['info', 'inspect']);
  assert.equal(words('tsrun rm ap').sort(), ['apple', 'apricot']);
  assert.ok(words('tsrun run --env').includes('--env-file'));
});

test.run();
