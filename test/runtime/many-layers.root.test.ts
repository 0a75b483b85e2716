import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ANNOTATIONS } from '../../src/spec/annotations.ts';
import type { Spec } from '../../src/spec/oci.ts';
import { newLayer, newLink } from '../../src/store/layers.ts';
import { needs, overlay, root } from '../support/needs.ts';
import { expectOk, openTsrun, type Tsrun } from '../support/tsrun.ts';

const test = needs(suite('many layers'), root(), overlay());
let tsrun: Tsrun;
test.before(async () => {
  tsrun = await openTsrun();
});
test.after(() => tsrun?.close());

/** As many as Docker allows; with short names their options still fit in a page. */
const LAYERS = 128;

/** A layer as an image's: what every one of them has, the topmost wins; and what only this one has. @returns its short name */
function makeLayer(number: number): { directory: string; link: string } {
  const [overlay2, directory, link] = [join(tsrun.dataRoot, 'overlay2'), newLayer(), newLink()];
  const content = join(overlay2, directory, 'diff', 'layers');
  mkdirSync(content, { recursive: true });
  writeFileSync(join(content, 'top'), `${number}\n`);
  writeFileSync(join(content, `only-${number}`), '');
  symlinkSync(`../${directory}/diff`, join(overlay2, 'l', link));
  return { directory: join(overlay2, directory), link: join(overlay2, 'l', link) };
}

test('128 of them below the container’s own: a start reads them from config.json, and all are one root', () => {
  const words = [
    '--name',
    'deep',
    tsrun.rootfs,
    'sh',
    '-c',
    'cat /layers/top; set -- /layers/*; echo $#; echo mine > /layers/top',
  ];
  const id = expectOk(tsrun.run(['create', ...words])).trim();
  const bundle = join(tsrun.dataRoot, 'containers', id, 'config.json');
  const spec = JSON.parse(readFileSync(bundle, 'utf8')) as Spec;
  const [init, rootfs] = JSON.parse(spec.annotations![ANNOTATIONS.lowerDirs]!) as [string, string];
  const made = Array.from({ length: LAYERS - 2 }, (_, i) => makeLayer(i));
  const between = made.map(({ link }) => `l/${link.slice(-26)}`);
  spec.annotations![ANNOTATIONS.lowerDirs] = JSON.stringify([init, ...between, rootfs]);
  writeFileSync(bundle, JSON.stringify(spec));
  try {
    const seen = expectOk(tsrun.run(['start', '-a', 'deep']));
    assert.equal(
      seen.split('\n').map((line) => line.trim()),
      ['0', String(LAYERS - 2 + 1), ''],
    );
    assert.is(expectOk(tsrun.run(['start', '-a', 'deep'])).split('\n')[0], 'mine', 'its own layer is on top');
    assert.is(readFileSync(join(made[0]!.directory, 'diff/layers/top'), 'utf8'), '0\n', 'no layer is written to');
    expectOk(tsrun.run(['rm', 'deep']));
  } finally {
    for (const path of made.flatMap(({ directory, link }) => [directory, link])) rmSync(path, { recursive: true });
  }
  assert.equal(tsrun.leftovers([id]), []);
});

test.run();
