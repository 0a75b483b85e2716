import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockContainer } from '../../src/store/lock.ts';
import { Paths } from '../../src/store/paths.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { hasEnded, killBoth, SystemCheck, standStill } from '../support/system-check.ts';
import { expectOk, until } from '../support/tsrun.ts';

const test = needs(suite('system check: containers and monitors'), root(), overlay());
let system: SystemCheck;

test.before(async () => {
  system = await SystemCheck.open();
});
test.after(() => system?.close());

/** No pid: the kernel's greatest is 2^22. */
const DEAD = 4_194_305;

test('a container that runs, one that waits and one that has ended are nothing to be found', () => {
  const { tsrun } = system;
  expectOk(tsrun.run(['create', '--rm', '--name', 'waits', tsrun.rootfs, 'true']));
  system.ended('over');
  const { code, stdout, stderr } = tsrun.run(['system', 'check']);
  assert.equal([code, stdout.trimEnd().split('\n').at(-1), stderr], [0, '0 found, 0 fixed, 0 remain', '']);
  system.isClean();
  expectOk(tsrun.run(['rm', 'waits', 'over']));
});

test('monitor and container are killed at once: what the run left goes, what it wrote stays', async () => {
  const { tsrun } = system;
  const lost = await system.running('lost');
  expectOk(tsrun.run(['exec', 'lost', 'touch', '/mine']));
  await killBoth(lost);
  system.isFixed(`run run/${lost.id}`);
  assert.not.ok(tsrun.leftovers([lost.id]).some((path) => path.includes(`tsrun-${lost.id}`)));
  assert.match(expectOk(tsrun.run(['diff', 'lost'])), 'A /mine');
  expectOk(tsrun.run(['rm', 'lost']));
});

test('the same with --rm: the container goes', async () => {
  const lost = await system.running('brief', '--rm');
  await killBoth(lost);
  system.isFixed(`container data/containers/${lost.id}`);
  assert.is(system.tsrun.run(['inspect', 'brief']).code, 1);
});

test('a command is killed while making a container: it goes', () => {
  expectOk(system.tsrun.run(['create', '--name', 'half', system.tsrun.rootfs, 'true']));
  const id = system.id('half');
  rmSync(join(system.directory(id), 'config.json'));
  rmSync(system.layer('half'), { recursive: true });
  system.isFixed(`container data/containers/${id}`);
});

test('a container that somebody is at work on is left to them', () => {
  const { tsrun } = system;
  expectOk(tsrun.run(['create', '--name', 'busy', tsrun.rootfs, 'true']));
  const id = system.id('busy');
  rmSync(join(system.directory(id), 'config.json'));
  const unlock = lockContainer(new Paths(tsrun.dataRoot, tsrun.runRoot), id, 'test');
  system.isClean();
  assert.equal(system.said(system.run('--fix')), []);
  unlock();
  system.isFixed(`container data/containers/${id}`);
});

test('the monitor alone is killed: said, with who runs, and left alone', async () => {
  const { id, pid, monitor } = await system.running('alone');
  process.kill(monitor, 'SIGKILL');
  await until('its end', () => hasEnded(monitor));
  const { findings } = system.remains(`monitor data/containers/${id}`);
  assert.ok(findings[0]!.heldBy.some((one) => one.pid === pid && one.command === 'sleep 600'));
  assert.not.ok(hasEnded(pid));
  expectOk(system.tsrun.run(['rm', '-f', 'alone']));
  system.isClean();
});

test('the run directory of a container that runs is tidied away: said; a restart makes another', async () => {
  const { tsrun } = system;
  expectOk(tsrun.run(['run', '-d', '--name', 'deaf', tsrun.rootfs, 'sleep', '600']));
  const id = system.id('deaf');
  rmSync(join(tsrun.runRoot, id), { recursive: true });
  system.remains(`socket run/${id}/monitor.sock`);
  expectOk(tsrun.run(['restart', '-t', '0', 'deaf']));
  system.isClean();
  expectOk(tsrun.run(['rm', '-f', 'deaf']));
});

test('a stopped monitor of a container that has ended: said, and left alone', async () => {
  const { id, pid, monitor, ended } = await system.running('stuck');
  await standStill(monitor);
  process.kill(pid, 'SIGKILL');
  await until('its end', () => hasEnded(pid));
  const { findings } = system.remains(`monitor /proc/${monitor}`);
  assert.is(findings[0]!.container, id);
  process.kill(monitor, 'SIGCONT');
  await ended;
  system.isClean();
  expectOk(system.tsrun.run(['rm', 'stuck']));
});

test('the directory of a container that runs is deleted: all that runs stays; when it has ended the rest goes', async () => {
  const { id, pid, monitor } = await system.running('gone');
  const layer = system.short(system.layer('gone'));
  await standStill(monitor);
  rmSync(system.directory(id), { recursive: true });
  const found = system.run();
  const kept = [/^cgroup \S+\/tsrun-/, `layer ${layer}`, `monitor /proc/${monitor}`];
  assert.match(found.strangers.find(({ where }) => where.includes(id))?.where ?? '', system.tsrun.runRoot);
  assert.is(system.said(found).length, 4, system.said(found).join());
  assert.equal(system.run('--fix').summary, { found: 4, fixed: 1, remain: 3 }, 'the name is free for others');
  const { findings } = system.remains(...kept);
  assert.ok(findings.every(({ heldBy }) => heldBy.some((one) => one.pid === pid || one.pid === monitor)));
  assert.not.ok(hasEnded(pid));
  process.kill(pid, 'SIGKILL');
  await until('its end', () => hasEnded(pid));
  system.run('--fix');
  assert.ok(hasEnded(monitor), 'nothing was left for it to do');
  system.isClean();
  assert.not.ok(system.tsrun.leftovers([id]).some((path) => path.includes(id) || path.includes(layer.slice(5))));
});

test('a record that is damaged: what the container wrote is not taken away, a container that wrote nothing is', () => {
  const empty = system.ended('empty');
  const full = system.ended('full', 'echo mine > /f');
  for (const id of [empty, full]) truncateSync(join(system.directory(id), 'container.json'), 30);
  const found = system.run();
  assert.equal(system.said(found), [empty, full].map((id) => `record data/containers/${id}`).toSorted());
  assert.is(found.findings.filter(({ fix }) => fix === undefined).length, 1);
  assert.is(system.run('--fix').summary.fixed, 1);
  const { findings } = system.remains(`record data/containers/${full}`);
  assert.match(findings[0]?.advice ?? '', `tsrun rm -f ${full.slice(0, 12)}`);
  expectOk(system.tsrun.run(['rm', '-f', full]));
  system.isClean();
});

test('a directory without a record, and one that lost all but its name: rm was killed', () => {
  const [bare, empty] = [system.ended('bare'), 'c'.repeat(64)];
  rmSync(join(system.directory(bare), 'container.json'));
  mkdirSync(system.directory(empty));
  system.isFixed(...[bare, empty].map((id) => `record data/containers/${id}`).toSorted());
});

test('a damaged record of a container that runs: left alone', async () => {
  const { id, pid } = await system.running('hurt');
  truncateSync(join(system.directory(id), 'container.json'), 0);
  system.remains(`record data/containers/${id}`);
  assert.not.ok(hasEnded(pid));
  expectOk(system.tsrun.run(['rm', '-f', id]));
  system.isClean();
});

test('its read-write layer is not there, as rm leaves it that is killed: it goes; without its init layer it stays', () => {
  const [less, half] = [system.ended('less'), system.ended('half', 'echo mine > /f')];
  rmSync(system.layer('less'), { recursive: true });
  system.isFixed(`container data/containers/${less}`);
  rmSync(`${system.layer('half')}-init`, { recursive: true });
  system.remains(`record data/containers/${half}`);
  expectOk(system.tsrun.run(['rm', 'half']));
  system.isClean();
});

test('a volatile overlay that was in use', () => {
  system.ended('vol');
  const mark = join(system.layer('vol'), 'work/work/incompat/volatile');
  mkdirSync(mark, { recursive: true });
  system.isFixed(`volatile ${system.short(mark)}`);
  expectOk(system.tsrun.run(['start', '-a', 'vol']));
  expectOk(system.tsrun.run(['rm', 'vol']));
});

test('half-written files, also of a container that runs; not those of who is still writing', () => {
  const id = system.ended('torn');
  const write = (of: string, name: string) => {
    writeFileSync(join(system.directory(of), name), '{"ver');
    return `temporary data/containers/${of}/${name}`;
  };
  const live = system.id('live');
  write(live, 'exit.tmp');
  write(live, `container.json.tmp-${process.pid}`);
  const wanted = [
    ...['exit.tmp', 'started.tmp', `container.json.tmp-${DEAD}`].map((name) => write(id, name)),
    write(live, `container.json.tmp-${DEAD}`),
  ];
  system.isFixed(...wanted.toSorted());
  for (const name of ['exit.tmp', `container.json.tmp-${process.pid}`]) rmSync(join(system.directory(live), name));
  expectOk(system.tsrun.run(['rm', 'torn']));
});

test.run();
