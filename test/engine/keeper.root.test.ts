import { lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processBirth } from '../../src/kernel/procfs.ts';
import { lockContainer } from '../../src/store/lock.ts';
import { Paths } from '../../src/store/paths.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, type Live, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('keepers that are late, and what they leave'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

const idOf = (name: string): string => tsrun.inspect(name, '{{.Id}}');
const stateOf = (name: string): string => tsrun.inspect(name, '{{.State.Status}} {{.State.Pid}}');
const nameLink = (name: string): string => join(tsrun.dataRoot, 'names', name);
const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
const hasEnded = (pid: number): boolean => 'ZX'.includes(processBirth(pid)?.state ?? 'X');

interface Kept extends Live {
  id: string;
  pid: number;
  keeper: number;
}

async function container(name: string, ...flags: string[]): Promise<Kept> {
  const live = await tsrun.container(name, 'echo ready; exec sleep 600', flags);
  const pid = Number(tsrun.inspect(name, '{{.State.Pid}}'));
  return { ...live, id: idOf(name), pid, keeper: processBirth(pid)!.parent };
}

/** Its container ends, and it does not get to do anything about it. */
async function stopLate({ pid, keeper }: Kept): Promise<void> {
  process.kill(keeper, 'SIGSTOP');
  await until('the keeper to stand still', () => processBirth(keeper)?.state === 'T');
  process.kill(pid, 'SIGKILL');
  await until('the end of PID 1', () => hasEnded(pid));
}

async function loseKeeper({ pid, keeper, ended }: Kept): Promise<void> {
  process.kill(keeper, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await until('the end of both', () => hasEnded(pid) && hasEnded(keeper));
  await ended;
}

function holdsFile(pid: number, path: string): boolean {
  const fds = `/proc/${pid}/fd`;
  try {
    return readdirSync(fds).some((fd) => readlinkSync(join(fds, fd)) === path);
  } catch {
    return false; // one that was closed meanwhile
  }
}

test('a late keeper does not kill the next run of its container: start waits for it', async () => {
  const first = await container('kee');
  await stopLate(first);
  const refused = tsrun.run(['start', '-a', 'kee']);
  assert.is(refused.code, 125);
  assert.match(refused.stderr, /start kee: the container is still being cleaned up\nhint: /);
  const second = tsrun.spawn(['start', '-a', 'kee']);
  await until('start to be at work', () =>
    holdsFile(second.child.pid!, join(tsrun.dataRoot, `containers/${first.id}/lock`)),
  );
  process.kill(first.keeper, 'SIGCONT');
  await second.waitFor('ready');
  assert.is((await first.ended).code, 137);
  assert.match(stateOf('kee'), /^running [1-9]/);
  assert.equal(readdirSync(join(tsrun.runRoot, first.id)).toSorted(), ['monitor.sock', 'root', 'state.json']);
  expectOk(tsrun.run(['rm', '-f', 'kee']));
  assert.is((await second.ended).code, 137);
  assert.equal(tsrun.leftovers([first.id]), []);
});

test('a late keeper of --rm does not take the name of another container: rm -f ends it', async () => {
  const first = await container('web', '--rm');
  await stopLate(first);
  assert.match(tsrun.run(['rm', 'web']).stderr, /still being cleaned up/);
  expectOk(tsrun.run(['rm', '-f', 'web']));
  assert.ok(hasEnded(first.keeper));
  await first.ended;
  assert.equal(tsrun.leftovers([first.id]), []);
  const second = await container('web');
  assert.is(readlinkSync(nameLink('web')), second.id);
  assert.is(expectOk(tsrun.run(['ps', '-a', '--format', '{{.Names}}'])), 'web\n');
  expectOk(tsrun.run(['rm', '-f', 'web']));
});

test('rm -f of a container that runs, its keeper being stopped', async () => {
  const kept = await container('stuck');
  process.kill(kept.keeper, 'SIGSTOP');
  expectOk(tsrun.run(['rm', '-f', 'stuck']));
  assert.ok(hasEnded(kept.keeper) && hasEnded(kept.pid));
  assert.equal(tsrun.leftovers([kept.id]), []);
});

test('a name that has become another’s is left to it', async () => {
  const { id, pid, ended } = await container('given', '--rm');
  const other = '0'.repeat(64);
  unlinkSync(nameLink('given'));
  symlinkSync(other, nameLink('given'));
  process.kill(pid, 'SIGKILL');
  await ended;
  assert.is(readlinkSync(nameLink('given')), other);
  unlinkSync(nameLink('given'));
  assert.equal(tsrun.leftovers([id]), []);
});

test('many want a name whose container is gone: one gets it', async () => {
  for (let round = 0; round < 3; round++) {
    symlinkSync(`${round}`.repeat(64), nameLink('stale'));
    const runs = Array.from({ length: 5 }, () => tsrun.spawn(['run', '--name', 'stale', tsrun.rootfs, 'true']));
    const codes = (await Promise.all(runs.map(({ ended }) => ended))).map(({ code }) => code);
    assert.equal(codes.toSorted(), [0, 125, 125, 125, 125]);
    assert.is(expectOk(tsrun.run(['ps', '-aq', '--no-trunc'])), `${readlinkSync(nameLink('stale'))}\n`);
    expectOk(tsrun.run(['rm', 'stale']));
  }
});

for (const words of [
  ['ps', '-a'],
  ['inspect', 'lost'],
])
  test(`the root of a process that is no more: ${words[0]} takes the link to it away`, async () => {
    const lost = await container('lost');
    const merged = tsrun.inspect('lost', '{{.GraphDriver.Data.MergedDir}}');
    expectOk(tsrun.run(words));
    assert.ok(isLink(merged), 'not while it runs');
    assert.is(readlinkSync(merged), join(tsrun.runRoot, lost.id, 'root'), 'and a reboot takes away where it leads');
    assert.is(readlinkSync(readlinkSync(merged)), `/proc/${lost.pid}/root`);
    await loseKeeper(lost);
    assert.ok(isLink(merged), 'nobody was there to do it');
    expectOk(tsrun.run(words));
    assert.not.ok(isLink(merged));
    expectOk(tsrun.run(['rm', 'lost']));
  });

/** As a command line leaves it that is killed before the start; or, `started`, a keeper that is killed before the clean-up. */
async function abandon(name: string, started: boolean): Promise<string> {
  const kept = await container(name, '--rm');
  await loseKeeper(kept);
  if (started) return kept.id;
  rmSync(join(tsrun.runRoot, kept.id), { recursive: true });
  for (const file of ['started', 'run.lock']) rmSync(join(tsrun.dataRoot, 'containers', kept.id, file));
  assert.is(stateOf(name), 'created 0');
  return kept.id;
}

for (const started of [false, true])
  test(`--rm, abandoned ${started ? 'after' : 'before'} its start: who wants the name removes it`, async () => {
    const id = await abandon('left', started);
    const unlock = lockContainer(new Paths(tsrun.dataRoot, tsrun.runRoot), id, 'test');
    const refused = tsrun.run(['run', '--rm', '--name', 'left', tsrun.rootfs, 'true']);
    unlock();
    assert.is(refused.code, 125, 'somebody is at work on it');
    assert.match(refused.stderr, /name "\/left" is already in use/);
    expectOk(tsrun.run(['run', '--rm', '--name', 'left', tsrun.rootfs, 'true']));
    assert.equal(tsrun.leftovers([id]), []);
    await abandon('left', started);
    expectOk(tsrun.run(['rm', 'left']));
    assert.equal(tsrun.leftovers([id]), []);
  });

test('--rm: one that runs keeps its name', async () => {
  const { id } = await container('alive', '--rm');
  assert.is(tsrun.run(['run', '--name', 'alive', tsrun.rootfs, 'true']).code, 125);
  assert.is(readlinkSync(nameLink('alive')), id);
  assert.match(stateOf('alive'), /^running/);
  expectOk(tsrun.run(['rm', '-f', 'alive']));
});

test('one whose container is taken away meanwhile writes its end down nowhere else', async () => {
  const { id, pid, keeper } = await container('robbed');
  rmSync(join(tsrun.dataRoot, 'containers', id), { recursive: true });
  process.kill(pid, 'SIGKILL');
  await until('the keeper’s end', () => hasEnded(keeper));
  assert.equal(
    readdirSync(tsrun.runRoot).filter((name) => name.includes(id)),
    [],
  );
});

test.run();
