import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processBirth } from '../../src/kernel/procfs.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { hasEnded } from '../support/system-check.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('start --restart-policy'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const state = (name: string): string => tsrun.inspect(name, '{{.State.Status}}');

function detached(name: string, policy: string, ...command: string[]): void {
  const words = command.length > 0 ? command : ['sleep', '600'];
  expectOk(tsrun.run(['run', '-d', '--name', name, '--restart', policy, tsrun.rootfs, ...words]));
}

/** The power goes: processes, the run directory and the boot are another's, the data root is as it was. */
async function powerCut(): Promise<void> {
  const pids = tsrun.ids().flatMap((id) => {
    const pid = Number(tsrun.inspect(id, '{{.State.Pid}}'));
    return pid > 0 ? [processBirth(pid)!.parent, pid] : [];
  });
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('the end of all', () => pids.every(hasEnded));
  rmSync(tsrun.runRoot, { recursive: true });
  for (const id of tsrun.ids()) {
    const path = join(tsrun.dataRoot, 'containers', id, 'started');
    const [time] = readFileSync(path, 'utf8').split(' ');
    writeFileSync(path, `${time} another-boot`);
  }
}

const start = () => tsrun.run(['start', '--restart-policy']);

test('after a power cut: those that ran and are to run, and nobody twice', async () => {
  detached('always', 'always');
  detached('stopped', 'always');
  detached('unless', 'unless-stopped');
  detached('rests', 'unless-stopped');
  detached('failure', 'on-failure');
  detached('no', 'no');
  for (const name of ['stopped', 'rests']) expectOk(tsrun.run(['stop', '-t', '0', name]));
  assert.equal(start(), { code: 0, stdout: '', stderr: '' }, 'in the same boot there is nothing to do');
  await powerCut();
  assert.equal(start(), { code: 0, stdout: 'always\nstopped\nunless\nfailure\n', stderr: '' });
  for (const name of ['always', 'stopped', 'unless', 'failure']) assert.is(state(name), 'running', name);
  for (const name of ['rests', 'no']) assert.is(state(name), 'exited', name);
  assert.equal(start(), { code: 0, stdout: '', stderr: '' });
  assert.is(expectOk(tsrun.run(['exec', 'always', 'echo', 'here'])), 'here\n');
  assert.is(tsrun.run(['system', 'check', '--fix']).code, 0);
});

test('one that cannot be started keeps no other from it', async () => {
  await powerCut();
  const config = join(tsrun.dataRoot, 'containers', tsrun.inspect('always', '{{.Id}}'), 'config.json');
  writeFileSync(config, '{');
  const { code, stdout, stderr } = start();
  assert.is(code, 1);
  assert.is(stdout, 'stopped\nunless\nfailure\n');
  assert.match(stderr, /^tsrun: start always: /);
});

test('on-failure:2: restarts are counted across a boot, and anew by one that starts it', async () => {
  for (const id of tsrun.ids()) expectOk(tsrun.run(['rm', '-f', id]));
  const fails = 'echo >>/n; c=; while read -r x; do c=x$c; done </n; test $c = $0 && exec sleep 600; exit 3';
  detached('spent', 'on-failure:2', 'sh', '-c', fails, 'xxx');
  detached('not-yet', 'on-failure:2', 'sh', '-c', fails, 'xx');
  const count = (name: string): string => tsrun.inspect(name, '{{.RestartCount}} {{.State.Pid}}');
  await until('the runs that stay', () => /^2 [1-9]/.test(count('spent')) && /^1 [1-9]/.test(count('not-yet')));
  await powerCut();
  assert.equal(start(), { code: 0, stdout: 'not-yet\n', stderr: '' });
  await until('its end', () => tsrun.inspect('not-yet', '{{.RestartCount}} {{.State.Status}}') === '2 exited');
  assert.is(state('spent'), 'exited');
});

test('it takes no names, and a start without it takes some', () => {
  for (const words of [
    ['--restart-policy', 'always'],
    ['--restart-policy', '-a'],
  ])
    assert.is(tsrun.run(['start', ...words]).code, 125, words.join(' '));
  assert.is(tsrun.run(['start']).code, 1, 'as Docker has it');
});

test.run();
