import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('stop, kill, pause'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** A shell that says `ready` and then waits for signals, with this trap. */
const trapping = (trap: string): string => `trap '${trap}' TERM INT USR1; echo ready; while :; do sleep 0.05; done`;
const state = (name: string): string => tsrun.inspect(name, '{{.State.Status}} {{.State.ExitCode}}');

test('stop asks with SIGTERM, and the command’s own code is the container’s', async () => {
  const { ended } = await tsrun.container('asked', trapping('exit 3'));
  assert.equal(tsrun.run(['stop', 'asked']), { code: 0, stdout: 'asked\n', stderr: '' });
  assert.is((await ended).code, 3);
  assert.is(state('asked'), 'exited 3');
});

test('stop asks with the container’s stop signal, or with the one that is given', async () => {
  const script = 'trap "exit 4" INT; trap "exit 5" USR1; echo ready; while :; do sleep 0.05; done';
  const own = await tsrun.container('own', script, ['--stop-signal', 'INT']);
  assert.is(tsrun.run(['stop', 'own']).code, 0);
  assert.is((await own.ended).code, 4);
  const given = await tsrun.container('given', script, ['--stop-signal', 'INT']);
  assert.is(tsrun.run(['stop', '-s', 'USR1', 'given']).code, 0);
  assert.is((await given.ended).code, 5);
});

for (const [what, script] of [
  ['has no handler', 'echo ready; exec sleep 600'],
  ['ignores it', trapping('')],
] as const)
  test(`stop: a first process that ${what} is killed at once, and it is said`, async () => {
    const name = what.replaceAll(' ', '-');
    const { ended } = await tsrun.container(name, script);
    const { code, stdout, stderr } = tsrun.run(['stop', '-t', '600', name]);
    assert.equal([code, stdout], [0, `${name}\n`], stderr);
    assert.match(stderr, `tsrun: warning: stop ${name}: its first process does nothing about SIGTERM`);
    assert.is((await ended).code, 137);
  });

test('stop: --init passes the signal on', async () => {
  const { ended } = await tsrun.container('with-init', undefined, ['--init']);
  assert.equal(tsrun.run(['stop', '-t', '600', 'with-init']), { code: 0, stdout: 'with-init\n', stderr: '' });
  assert.is((await ended).code, 143);
});

test('stop: --stop-timeout is how long it waits, unless -t is said', async () => {
  const own = await tsrun.container('patient', trapping(':'), ['--stop-timeout', '1']);
  assert.is(tsrun.inspect('patient', '{{.Config.StopTimeout}}'), '1');
  const began = performance.now();
  expectOk(tsrun.run(['stop', 'patient']));
  assert.is((await own.ended).code, 137);
  const took = performance.now() - began;
  assert.ok(took >= 1000 && took < 9000, `${took} ms: neither at once nor the ten seconds of others`);
  const given = await tsrun.container('impatient', trapping(':'), ['--stop-timeout', '-1']);
  expectOk(tsrun.run(['stop', '-t', '0', 'impatient']));
  assert.is((await given.ended).code, 137);
  assert.is(tsrun.run(['create', '--stop-timeout', 'soon', tsrun.rootfs, 'true']).code, 125);
});

test('stop -t 1: who hears it and goes on is killed when the time is over, and so is all it started', async () => {
  const { ended } = await tsrun.container('deaf', `sleep 600 & ${trapping(':')}`);
  const { code, stderr } = tsrun.run(['stop', '-t', '1', 'deaf']);
  assert.equal([code, stderr], [0, '']);
  assert.is((await ended).code, 137);
  assert.is(state('deaf'), 'exited 137');
});

test('stop -t -1 waits for as long as it takes', async () => {
  const { ended } = await tsrun.container('slow', trapping('sleep 0.3; exit 6'));
  assert.is(tsrun.run(['stop', '-t', '-1', 'slow']).code, 0);
  assert.is((await ended).code, 6);
});

test('stop of several: one that does not run is stopped, one that is not there is said, the others are stopped', async () => {
  const { ended } = await tsrun.container('third', trapping('exit 0'));
  const { code, stdout, stderr } = tsrun.run(['stop', 'asked', 'nobody', 'third']);
  assert.equal([code, stdout], [1, 'asked\nthird\n']);
  assert.match(stderr, 'tsrun: No such container: nobody');
  await ended;
});

test('stop of several waits for all at once, and tells them in their order', async () => {
  const names = ['deaf-a', 'deaf-b', 'deaf-c', 'deaf-d', 'deaf-e', 'deaf-f'];
  for (const name of names) await tsrun.container(name, trapping(':'));
  const begun = performance.now();
  assert.equal(tsrun.run(['stop', '-t', '2', ...names]).stdout, names.map((name) => `${name}\n`).join(''));
  const seconds = (performance.now() - begun) / 1000;
  assert.ok(seconds < 8, `one after the other takes 12 s, this took ${seconds}`);
});

test('stop and kill note that somebody wants it to have ended, other signals do not; start takes that back', async () => {
  const noted = (name: string) =>
    existsSync(join(tsrun.dataRoot, 'containers', tsrun.inspect(name, '{{.Id}}'), 'stopped'));
  const { ended } = await tsrun.container('noted', trapping('exit 8'), ['--stop-signal', 'INT']);
  tsrun.run(['kill', '-s', 'WINCH', 'noted']);
  assert.not(noted('noted'));
  tsrun.run(['stop', 'noted']);
  assert.is((await ended).code, 8);
  assert.ok(noted('noted'));
  for (const words of [['-s', 'INT'], []]) {
    const live = tsrun.spawn(['start', '-a', 'noted']);
    await live.waitFor('ready');
    assert.not(noted('noted'));
    tsrun.run(['kill', ...words, 'noted']);
    await live.ended;
    assert.ok(noted('noted'), words.join(' '));
  }
  rmSync(join(tsrun.dataRoot, 'containers', tsrun.inspect('noted', '{{.Id}}'), 'rootfs'), { recursive: true });
  assert.is.not(tsrun.run(['start', '-a', 'noted']).code, 8, 'it cannot be started');
  assert.ok(noted('noted'), 'a start that fails leaves it as it was');
});

test('kill sends what is asked for to the first process', async () => {
  const live = await tsrun.container('killed', trapping('echo heard'));
  assert.equal(tsrun.run(['kill', '-s', 'SIGUSR1', 'killed']), { code: 0, stdout: 'killed\n', stderr: '' });
  await live.waitFor('heard');
  assert.is(tsrun.run(['kill', '-s', '2', 'killed']).code, 0);
  assert.is(tsrun.run(['kill', 'killed']).code, 0);
  assert.is((await live.ended).code, 137);
  const { code, stderr } = tsrun.run(['kill', 'killed']);
  assert.is(code, 1);
  assert.match(stderr, /^tsrun: cannot kill container: killed: container [0-9a-f]{64} is not running\n/);
});

test('kill and stop: what is no signal and no number of seconds', () => {
  assert.match(
    tsrun.run(['kill', '-s', 'NONE', 'x']).stderr,
    'invalid argument "NONE" for "-s, --signal" flag: invalid signal',
  );
  assert.match(tsrun.run(['stop', '-t', 'soon', 'x']).stderr, 'invalid number of seconds: soon');
  for (const verb of ['kill', 'stop', 'restart']) assert.is(tsrun.run([verb, '-s', 'NONE', 'x']).code, 1, verb);
});

test('pause: nothing happens inside until unpause', async () => {
  const live = await tsrun.container('held', trapping('echo heard'));
  assert.equal(tsrun.run(['pause', 'held']), { code: 0, stdout: 'held\n', stderr: '' });
  assert.is(tsrun.run(['kill', '-s', 'USR1', 'held']).code, 0);
  assert.is(tsrun.inspect('held', '{{.State.Status}} {{.State.Running}} {{.State.Paused}}'), 'paused true true');
  assert.match(
    tsrun.run(['ps', '--format', '{{.Names}} {{.State}} {{.Status}}']).stdout,
    /^held paused Up .* \(Paused\)$/m,
  );
  assert.is(tsrun.run(['ps', '-q', '-f', 'status=paused']).stdout.trim(), tsrun.inspect('held', '{{slice .Id 0 12}}'));
  assert.not.match(live.stdout(), 'heard');
  assert.equal(tsrun.run(['unpause', 'held']), { code: 0, stdout: 'held\n', stderr: '' });
  await live.waitFor('heard');
  assert.is(tsrun.inspect('held', '{{.State.Status}}'), 'running');
});

test('pause: what is refused, and how it is said', async () => {
  const { ended } = await tsrun.container('refused', trapping('exit 7'));
  assert.match(tsrun.run(['unpause', 'refused']).stderr, 'tsrun: Container refused is not paused');
  tsrun.run(['pause', 'refused']);
  const said = (...words: string[]): [number, string] => {
    const { code, stderr } = tsrun.run(words);
    return [code, stderr.split('\n')[0]!];
  };
  assert.equal(said('pause', 'refused'), [1, 'tsrun: Container refused is already paused']);
  assert.equal(said('exec', 'refused', 'true'), [
    1,
    'tsrun: Container refused is paused, unpause the container before exec',
  ]);
  assert.equal(said('rm', 'refused'), [
    1,
    'tsrun: cannot remove container "/refused": container is paused and must be unpaused first',
  ]);
  assert.is(tsrun.run(['stop', 'refused']).code, 0, 'stop wakes it up for that');
  assert.is((await ended).code, 7);
  assert.equal(said('pause', 'refused'), [1, 'tsrun: Container refused is not running']);
});

for (const words of [['kill'], ['rm', '-f'], ['stop', '-t', '0']])
  test(`${words.join(' ')} ends a container that is paused`, async () => {
    const { ended } = await tsrun.container('frozen', trapping(':'));
    const id = tsrun.inspect('frozen', '{{.Id}}');
    assert.is(tsrun.run(['pause', 'frozen']).code, 0);
    assert.is(tsrun.run([...words, 'frozen']).code, 0);
    assert.is((await ended).code, 137);
    tsrun.run(['rm', '-f', 'frozen']);
    assert.equal(
      tsrun.leftovers([id]).filter((path) => path.includes(id)),
      [],
    );
  });

test.run();
