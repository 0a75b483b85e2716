import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectCgroups } from '../../src/cgroup/host.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { type Report, SystemCheck } from '../support/system-check.ts';
import { expectOk, openTsrun } from '../support/tsrun.ts';

const test = needs(suite('system check: files, cgroups and mounts'), root(), overlay());
let system: SystemCheck;

test.before(async () => {
  system = await SystemCheck.open();
});
test.after(() => system?.close());

const NOBODY = 'b'.repeat(64);
/** No pid: the kernel's greatest is 2^22. */
const DEAD = 4_194_305;
const overlay2 = (...names: string[]): string => join(system.tsrun.dataRoot, 'overlay2', ...names);

/** In our directories: others may run containers of theirs meanwhile. */
const strangers = (report: Report): string[] =>
  report.strangers
    .map(({ where }) => system.short(where))
    .filter((where) => /^(data|run)\//.test(where))
    .toSorted();

test('a name without a container', () => {
  symlinkSync(NOBODY, system.nameLink('stale'));
  system.isFixed('name data/names/stale');
  system.ended('stale');
  expectOk(system.tsrun.run(['rm', 'stale']));
});

test('a name that leads to a container with another name: a rename was killed', () => {
  const id = system.ended('now');
  symlinkSync(id, system.nameLink('before'));
  system.isFixed('name data/names/before');
  assert.is(readlinkSync(system.nameLink('now')), id);
  expectOk(system.tsrun.run(['rm', 'now']));
});

test('a container whose name is not claimed, and one whose name another has', () => {
  const [one, two] = [system.ended('one'), system.ended('two')];
  unlinkSync(system.nameLink('one'));
  system.isFixed('name data/names/one');
  assert.is(readlinkSync(system.nameLink('one')), one);
  unlinkSync(system.nameLink('one'));
  symlinkSync(two, system.nameLink('one'));
  assert.equal(system.said(system.run()), ['name data/names/one', 'name data/names/one']);
  system.run('--fix');
  system.isClean();
  assert.is(readlinkSync(system.nameLink('one')), one);
  expectOk(system.tsrun.run(['rm', 'one', 'two']));
});

test('layers without a container, with their short names; a layer of a damaged one is not without', () => {
  const [id, damaged] = [system.ended('lost', 'echo mine > /f'), system.ended('hurt', 'echo mine > /f')];
  const layer = system.layer('lost');
  rmSync(system.directory(id), { recursive: true });
  unlinkSync(system.nameLink('lost'));
  writeFileSync(join(system.directory(damaged), 'container.json'), '');
  const hurt = `record data/containers/${damaged}`;
  assert.equal(system.said(system.run()), [`layer ${system.short(layer)}`, hurt]);
  const { findings } = system.run('--fix');
  assert.is(findings.find(({ kind }) => kind === 'layer')?.outcome, 'fixed');
  assert.not.ok(existsSync(layer) || existsSync(`${layer}-init`));
  system.remains(hurt);
  expectOk(system.tsrun.run(['rm', '-f', 'hurt']));
  system.isClean();
  assert.equal(system.tsrun.leftovers([id, damaged]).length, system.tsrun.leftovers([]).length);
});

test('a layer that does not say whose it was, while a record is damaged: it stays', () => {
  const id = system.ended('hurt', 'echo mine > /f');
  const layer = system.layer('hurt');
  writeFileSync(join(system.directory(id), 'container.json'), '');
  unlinkSync(join(`${layer}-init`, 'diff/.tsrunenv'));
  const report = system.run('--fix');
  assert.ok(existsSync(join(layer, 'diff/f')), system.said(report).join());
  assert.match(report.findings.find(({ kind }) => kind === 'layer')?.advice ?? '', id.slice(0, 12));
  expectOk(system.tsrun.run(['rm', '-f', id]));
  system.isFixed(`layer ${system.short(layer)}`);
});

test('short names that nobody has; a trial mount’s directories', () => {
  const link = 'A'.repeat(26);
  symlinkSync('../nothing/diff', overlay2('l', link));
  mkdirSync(overlay2(`trial-${DEAD}`, 'work', 'work'), { recursive: true });
  mkdirSync(overlay2(`trial-${process.pid}`));
  system.isFixed(`link data/overlay2/l/${link}`, `temporary data/overlay2/trial-${DEAD}`);
  rmSync(overlay2(`trial-${process.pid}`), { recursive: true });
});

test('run directories: of a run that is over; not of one that lives or is being started', () => {
  const run = (id: string) => join(system.tsrun.runRoot, id);
  const state = (pid: number) => `{"version":1,"bootId":"another","pid":${pid},"startTime":"1"}`;
  mkdirSync(run(NOBODY));
  writeFileSync(join(run(NOBODY), 'state.json'), state(1));
  symlinkSync('/proc/1/root', join(run(NOBODY), 'root'));
  system.isFixed(`run-directory run/${NOBODY}`);
  mkdirSync(run(NOBODY));
  system.isClean(); // as far as anybody can tell it is being started
  utimesSync(run(NOBODY), 1, 1);
  system.isFixed(`run-directory run/${NOBODY}`);
});

test('two data roots share a run directory: what runs in the other is theirs', async () => {
  const env = { TSRUN_ROOT: join(system.tsrun.directory, 'data2') };
  const other = system.tsrun.spawn(
    ['run', '--name', 'other', system.tsrun.rootfs, 'sh', '-c', 'echo ready; exec sleep 600'],
    { env },
  );
  await other.waitFor('ready');
  const report = system.run('--fix');
  assert.equal(
    [system.said(report), strangers(report)],
    [[], [`run/${readlinkSync(join(env.TSRUN_ROOT, 'names/other'))}`]],
  );
  assert.is(expectOk(system.tsrun.run(['exec', 'other', 'echo', 'here'], { env })), 'here\n');
  expectOk(system.tsrun.run(['rm', '-f', 'other'], { env }));
  await other.ended;
});

test('another data root’s container and its cgroup are not even mentioned', async () => {
  const other = await openTsrun();
  const live = await other.container('other');
  const id = other.inspect('other', '{{.Id}}');
  assert.not.match(JSON.stringify(system.run('--fix')), id);
  other.run(['rm', '-f', 'other']);
  await live.ended;
  await other.close();
});

/** In every hierarchy. */
const cgroups = (id: string): string[] =>
  detectCgroups().hierarchies.map(({ mountPoint }) => `${mountPoint}/tsrun-${id}`);

test('a cgroup that nobody can tell the owner of is said and stays; one whose run directory is here goes', () => {
  const paths = cgroups(NOBODY);
  for (const path of paths) mkdirSync(path);
  try {
    const { findings, strangers } = system.run('--fix');
    assert.equal(findings, []);
    assert.match(strangers.find(({ where }) => where === paths[0])?.what ?? '', /rmdir removes it/);
    assert.ok(paths.every(existsSync));
    mkdirSync(join(system.tsrun.runRoot, NOBODY));
    utimesSync(join(system.tsrun.runRoot, NOBODY), 1, 1);
    system.isFixed(`cgroup ${paths[0]}`, `run-directory run/${NOBODY}`);
    assert.not.ok(paths.some(existsSync));
  } finally {
    for (const path of paths.filter(existsSync)) spawnSync('rmdir', [path]);
  }
});

test('somebody else’s process in the cgroup of a container that has ended: it is named, and nothing is done to it', async () => {
  const id = system.ended('full');
  const path = cgroups(id).at(-1)!;
  mkdirSync(path);
  const guest = spawn('sleep', ['600'], { stdio: 'ignore' });
  try {
    writeFileSync(join(path, 'cgroup.procs'), String(guest.pid));
    const { findings } = system.remains(`run ${path}`);
    assert.equal(findings[0]?.heldBy, [{ pid: guest.pid, command: 'sleep 600' }]);
    assert.is(guest.exitCode ?? guest.signalCode, null);
  } finally {
    guest.kill('SIGKILL');
    await new Promise((resolve) => guest.on('close', resolve));
  }
  system.isFixed(`run ${path}`);
  expectOk(system.tsrun.run(['rm', 'full']));
});

test('mounts below a container’s directory and a layer’s; the machine’s own arrangement is let be', () => {
  const id = system.ended('mounted');
  const places = [join(system.directory(id), 'rootfs'), join(system.layer('mounted'), 'diff')];
  const names = join(system.tsrun.dataRoot, 'names');
  const mount = (path: string, ...more: string[]) =>
    assert.is(spawnSync('mount', ['-t', 'tmpfs', ...more, 'tsrun-test', path]).status, 0);
  try {
    for (const place of places) mount(place);
    system.isFixed(...places.map((place) => `mount ${system.short(place)}`));
    mount(places[0]!);
    const holder = spawn('sleep', ['600'], { cwd: places[0], stdio: 'ignore' });
    const { findings } = system.remains(`mount ${system.short(places[0]!)}`);
    assert.equal(findings[0]?.heldBy, [{ pid: holder.pid, command: 'sleep 600' }]);
    assert.match(findings[0]?.error ?? '', 'EBUSY');
    holder.kill('SIGKILL');
    spawnSync('umount', ['-l', places[0]!]);
    spawnSync('mount', ['--bind', names, names]);
    system.isClean();
  } finally {
    for (const place of [...places, names]) spawnSync('umount', ['-l', place]);
  }
  expectOk(system.tsrun.run(['rm', 'mounted']));
});

test('nobody but root is told; of other formats than json it is said that there are none', () => {
  const { code, stdout, stderr } = system.tsrun.run(['system', 'check'], { uid: 65534 });
  assert.equal([code, stdout], [125, '']);
  assert.match(stderr, /^tsrun: list containers: .*EACCES/);
  assert.is(system.tsrun.run(['system', 'check', '--format', 'yaml']).code, 125);
});

test('names that are not tsrun’s are let be', () => {
  writeFileSync(system.nameLink('file'), '');
  mkdirSync(overlay2('mine'));
  const report = system.run('--fix');
  assert.equal([report.findings, report.code], [[], 0]);
  assert.equal(strangers(report), ['data/names/file', 'data/overlay2/mine']);
  assert.match(expectOk(system.tsrun.run(['system', 'check'])), /^not known to be ours: .*mine\n/m);
  rmSync(overlay2('mine'), { recursive: true });
  unlinkSync(system.nameLink('file'));
});

test.run();
