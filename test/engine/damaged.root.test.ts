import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processBirth } from '../../src/kernel/procfs.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun, until } from '../support/tsrun.ts';

const test = needs(suite('rm -f without a record'), root(), overlay());
let tsrun: Tsrun;

test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

interface Known {
  id: string;
  record: string;
  /** Its two layers. */
  layers: string[];
}

/** One that has ended and has written something. */
function ended(name: string): Known {
  expectOk(tsrun.run(['run', '--name', name, tsrun.rootfs, 'sh', '-c', 'mkdir -p /d/e; echo mine > /d/e/f']));
  return known(name);
}

function known(name: string): Known {
  const [id, upper] = tsrun.inspect(name, '{{.Id}} {{.GraphDriver.Data.UpperDir}}').split(' ') as [string, string];
  const top = dirname(upper);
  return { id, record: join(tsrun.dataRoot, 'containers', id, 'container.json'), layers: [top, `${top}-init`] };
}

type Json = Record<string, unknown> & { links: Record<string, string> };
const changed = (change: (record: Json) => void) => (path: string) => {
  const record = JSON.parse(readFileSync(path, 'utf8')) as Json;
  change(record);
  writeFileSync(path, JSON.stringify(record));
};

const damages: [what: string, damage: (path: string) => void][] = [
  ['truncated', (path) => truncateSync(path, 40)],
  ['empty', (path) => truncateSync(path, 0)],
  ['garbage', (path) => writeFileSync(path, '\0'.repeat(300))],
  ['no object', (path) => writeFileSync(path, 'null')],
  ['of another version', changed((record) => Object.assign(record, { version: 2 }))],
  ['of another container', changed((record) => Object.assign(record, { id: 'a'.repeat(64) }))],
  ['without links', changed((record) => Object.assign(record, { links: null }))],
  ['without a list of words', changed((record) => Object.assign(record, { args: 1 }))],
  ['with a word that is none', changed((record) => Object.assign(record, { args: [null] }))],
  ['without a command', changed((record) => Object.assign(record, { path: null }))],
  ['of no day', changed((record) => Object.assign(record, { created: '9999-99-99' }))],
  ['without a link', changed((record) => Object.assign(record.links, { init: undefined }))],
  ['with a link that leads elsewhere', changed((record) => Object.assign(record.links, { init: '../../../canary' }))],
  ['with a name that leads elsewhere', changed((record) => Object.assign(record, { name: '../canary' }))],
  ['without options', changed((record) => Object.assign(record, { options: null }))],
  ['with options that lack a list', changed(({ options }) => Object.assign(options as Json, { ulimits: undefined }))],
  ['with options of another shape', changed(({ options }) => Object.assign(options as Json, { extraHosts: 1 }))],
  ['gone', (path) => rmSync(path)],
  ['a directory', (path) => [rmSync(path), mkdirSync(path)]],
  ['a fifo', (path) => [rmSync(path), spawnSync('mkfifo', [path])]],
];

let other: Known;
const canary = (): string => join(tsrun.directory, 'canary');

test('a neighbour, which is whole', () => {
  other = ended('other');
  writeFileSync(canary(), '');
});

for (const [what, damage] of damages)
  test(`a record that is ${what}: layers, short names and name go`, () => {
    const rest = tsrun.leftovers([]);
    const { id, record } = ended('hurt');
    damage(record);
    assert.match(expectOk(tsrun.run(['ps', '-a', '--no-trunc'])), id);
    if (existsSync(record))
      assert.is(tsrun.run(['run', '--name', 'hurt', tsrun.rootfs, 'true']).code, 125, 'the name is still taken');
    expectOk(tsrun.run(['rm', '-f', 'hurt']));
    assert.equal(tsrun.leftovers([id]), rest);
  });

for (const file of ['lock', 'run.lock'])
  test(`${file} is a directory: it is listed, nothing else is done with it, and rm removes it`, () => {
    const rest = tsrun.leftovers([]);
    const { id } = ended('hurt');
    const path = join(tsrun.dataRoot, 'containers', id, file);
    rmSync(path);
    mkdirSync(path);
    assert.match(expectOk(tsrun.run(['ps', '-a', '--no-trunc'])), id);
    const { code, stderr } = tsrun.run(['start', 'hurt']);
    assert.is(code, 1);
    assert.match(stderr, `/${file}"): EISDIR`);
    expectOk(tsrun.run(['rm', '-f', 'hurt']));
    assert.equal(tsrun.leftovers([id]), rest);
  });

const inPlaceOfName: [string, (path: string) => void][] = [
  ['a file', (path) => writeFileSync(path, '')],
  ['a directory', (path) => mkdirSync(join(path, 'below'), { recursive: true })],
];
for (const [what, make] of inPlaceOfName)
  test(`${what} is where its name should be: it has its name all the same, and rm -f frees it`, () => {
    const rest = tsrun.leftovers([]);
    const { id } = ended('hurt');
    const path = join(tsrun.dataRoot, 'names', 'hurt');
    rmSync(path);
    make(path);
    assert.is(tsrun.inspect('hurt', '{{.Id}}'), id);
    const { code, stderr } = tsrun.run(['run', '--name', 'hurt', tsrun.rootfs, 'true']);
    assert.is(code, 125);
    assert.match(stderr, `The container name "/hurt" cannot be claimed: ${path} is no link`);
    assert.ok(existsSync(path), 'who has not got the name takes nothing away');
    expectOk(tsrun.run(['rm', '-f', 'hurt']));
    assert.equal(tsrun.leftovers([id]), rest);
    expectOk(tsrun.run(['run', '--rm', '--name', 'hurt', tsrun.rootfs, 'true']));
  });

for (const file of ['exit.json', 'started'])
  test(`${file} cannot be read: it is listed, and rm removes it`, () => {
    const rest = tsrun.leftovers([]);
    const { id, record } = ended('hurt');
    const path = join(dirname(record), file);
    rmSync(path);
    mkdirSync(path); // EISDIR, as EIO of a disk
    assert.match(expectOk(tsrun.run(['ps', '-a', '--no-trunc'])), new RegExp(`${id} .* Exited`));
    expectOk(tsrun.run(['rm', 'hurt']));
    assert.equal(tsrun.leftovers([id]), rest);
  });

test('a config.json that is damaged: start names itself, the file and the field', () => {
  const { id, record } = ended('hurt');
  const config = join(dirname(record), 'config.json');
  for (const [text, message] of [
    ['{', /^tsrun: start hurt: \S+\/config\.json: .*JSON/],
    ['{"ociVersion":"1.0.2","process":{"args":5}}', /^tsrun: start hurt: \S+\/config\.json: process\.\w+: /],
  ] as const) {
    writeFileSync(config, text);
    const { code, stderr } = tsrun.run(['start', '-a', 'hurt']);
    assert.is(code, 125);
    assert.match(stderr, message);
  }
  expectOk(tsrun.run(['rm', 'hurt']));
  assert.not.ok(existsSync(dirname(record)), id);
});

test('the neighbour has lost nothing', () => {
  assert.ok(other.layers.every(existsSync) && existsSync(canary()));
  assert.match(expectOk(tsrun.run(['diff', 'other'])), 'A /d/e/f');
  expectOk(tsrun.run(['start', '-a', 'other']));
  expectOk(tsrun.run(['rm', 'other']));
  assert.equal(tsrun.leftovers([other.id]), []);
});

test('it runs: rm refuses, rm -f ends it', async () => {
  const live = await tsrun.container('lively');
  const { id, record } = known('lively');
  const pid = Number(tsrun.inspect('lively', '{{.State.Pid}}'));
  rmSync(record);
  const refused = tsrun.run(['rm', id]);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, 'container is running');
  assert.ok(processBirth(pid));
  expectOk(tsrun.run(['rm', '-f', id]));
  await live.ended;
  await until('its end', () => processBirth(pid) === undefined);
  assert.equal(tsrun.leftovers([id]), []);
});

test('two are damaged: each loses its own', () => {
  const [one, two] = [ended('one'), ended('two')];
  for (const { record } of [one, two]) truncateSync(record, 0);
  expectOk(tsrun.run(['rm', '-f', 'one']));
  assert.ok(two.layers.every(existsSync));
  assert.not.ok(one.layers.some(existsSync));
  assert.is(readdirSync(join(tsrun.dataRoot, 'overlay2/l')).length, 3);
  assert.is(readlinkSync(join(tsrun.dataRoot, 'names/two')), two.id);
  expectOk(tsrun.run(['rm', '-f', two.id]));
  assert.equal(tsrun.leftovers([one.id, two.id]), []);
});

test('layers that say the id, but that a whole record has: they stay', () => {
  const [hurt, whole] = [ended('hurt'), ended('whole')];
  const marker = join(whole.layers[1]!, 'diff/.tsrunenv');
  writeFileSync(marker, readFileSync(marker, 'utf8').replaceAll(whole.id, hurt.id));
  truncateSync(hurt.record, 0);
  expectOk(tsrun.run(['rm', '-f', 'hurt']));
  assert.ok(whole.layers.every(existsSync));
  assert.match(expectOk(tsrun.run(['diff', 'whole'])), 'A /d/e/f');
  expectOk(tsrun.run(['rm', 'whole']));
  assert.equal(tsrun.leftovers([hurt.id, whole.id]), []);
});

test('what was moved below its directory and stayed there: rm -f again', () => {
  const { id, record, layers } = ended('half');
  truncateSync(record, 0);
  const inside = join(dirname(record), `layer-${basename(layers[0]!)}`);
  assert.is(tsrun.run(['rm', 'half']).code, 1, 'not without -f');
  assert.ok(layers.every(existsSync) && !existsSync(inside));
  mkdirSync(inside); // an earlier rm was killed when this was all that was left of the layer
  for (const layer of layers) rmSync(layer, { recursive: true });
  const links = join(tsrun.dataRoot, 'overlay2/l');
  for (const link of readdirSync(links)) rmSync(join(links, link));
  expectOk(tsrun.run(['rm', '-f', 'half']));
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
