// biome-ignore-all lint/suspicious/noTemplateCurlyInString: sources are strings here
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { complaints, rooms } from './support/architecture.ts';

const root = join(import.meta.dirname, '..');
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('src', name))
  .sort();

const tree = suite('the tree');

for (const file of files) {
  tree(file, () => {
    assert.equal(complaints(file, readFileSync(join(root, file), 'utf8')), []);
  });
}

tree('each room has its README.md', () => {
  const lived = rooms().filter((room) => files.some((file) => file.startsWith(`src/${room}/`)));
  assert.equal(
    lived.filter((room) => !existsSync(join(root, 'src', room, 'README.md'))),
    [],
  );
});

tree('src/ has files', () => {
  assert.ok(files.length > 0);
});

tree.run();

const rules = suite('the rules');

/** Sources that break a rule, each with a word of the complaint. */
const wrong: [path: string, source: string, complaint: RegExp][] = [
  ['src/plan/a.ts', "import { x } from '../runtime/x.ts';", /plan to runtime is up/],
  ['src/plan/a.ts', "import type { X } from '../engine/x.ts';", /plan to engine is up/],
  ['src/plan/a.ts', "import {\n  x,\n  y,\n} from '../engine/x.ts';", /plan to engine is up/],
  ['src/plan/a.ts', "export * from '../cli/x.ts';", /plan to cli is up/],
  ['src/plan/a.ts', "import '../cli/x.ts';", /plan to cli is up/],
  ['src/plan/a.ts', "const x = await import('../cli/x.ts');", /plan to cli is up/],
  ['src/plan/a.ts', "type X = import('../cli/x.ts').X;", /plan to cli is up/],
  ['src/plan/a.ts', "/* x */ const s = '/proc/*/ns';\nimport { x } from '../cli/x.ts'; // */", /plan to cli is up/],
  ['src/plan/a.ts', "const t = `${f(`//`)}`;\nimport { x } from '../cli/x.ts';", /plan to cli is up/],
  ['src/plan/a.ts', "const r = /['\"`]/;\nimport { x } from '../cli/x.ts';", /plan to cli is up/],
  ['src/store/a.ts', "import { x } from '../rootfs/x.ts';", /a sibling/],
  ['src/store/deep/a.ts', "import { x } from '../../rootfs/x.ts';", /a sibling/],
  ['src/cli/a.ts', "import { x } from '../index.ts';", /a sibling/],
  ['src/errors/a.ts', "import { x } from '../spec/x.ts';", /errors to spec is up/],
  ['src/cli/a.ts', "import { x } from '../../bin/x.ts';", /outside of src/],
  ['src/cli/a.ts', "import { x } from './x';", /without \.ts/],
  ['src/cli/a.ts', "import { x } from 'fs';", /without node:/],
  ['src/cli/a.ts', "import { x } from 'left-pad';", /not a package of src/],
  ['src/engine/a.ts', "import ffi from 'ffi-napi';", /may not import ffi-napi/],
  ['src/engine/a.ts', "const ref = require('ref-napi/lib/ref.js');", /may not import ref-napi/],
  ['src/engine/a.ts', "import type ref from 'ref-napi';", /may not import ref-napi/],
  ['src/engine/a.ts', "import { Command } from 'commander';", /may not import commander/],
  ['src/network/a.ts', "import { execa } from 'execa';", /may not import execa/],
  ['src/engine/a.ts', 'process.exit(1);', /process\.exit/],
  ['src/engine/a.ts', 'const home = process.env.HOME;', /process\.env/],
  ['src/engine/a.ts', "const home = process['env'];", /process\[/],
  ['src/engine/a.ts', 'const { env } = process;', /taken apart/],
  ['src/engine/a.ts', "import { env } from 'node:process';", /import of env/],
  ['src/engine/a.ts', 'const text = `${console.log(1)}`;', /console/],
  ['src/engine/a.ts', 'export default 1;', /default export/],
  ['src/engine/a.ts', 'export { a as default };', /default export/],
  ['src/engine/a.ts', '\n'.repeat(250).replaceAll('\n', '// line\n').concat('x;'), /251 lines/],
  ['src/engine/utils.ts', '', /says nothing/],
  ['src/engine/runOptions.ts', '', /kebab-case/],
  ['src/garage/a.ts', '', /not on the map/],
  ['src/index.ts', 'export const x = 1;', /more than re-exports/],
];

for (const [path, source, complaint] of wrong) {
  rules(`refused: ${path}: ${source.slice(0, 60)}`, () => {
    const found = complaints(path, source);
    assert.is(found.length, 1, `complaints: ${JSON.stringify(found)}`);
    assert.match(found[0] ?? '', complaint);
  });
}

/** Sources that look wrong to a search for words. */
const right: [path: string, source: string][] = [
  ['src/engine/a.ts', "import { x } from '../runtime/x.ts';\nimport type { Y } from './deep/y.ts';\nimport 'node:fs';"],
  ['src/rootfs/deep/a.ts', "import { x } from '../steps.ts';\nimport { y } from '../../plan/y.ts';"],
  ['src/engine/a.ts', "// import { x } from '../cli/x.ts'; console.log(process.env)\n/* process.exit(1) */"],
  ['src/engine/a.ts', "const text = 'process.exit(1), console.log'; const other = `process.env`;"],
  ['src/engine/a.ts', 'process.exitCode = 1; device.console = true; const half = a / 2 / b;'],
  ['src/engine/a.ts', "const { execa } = await import('execa');\nimport type { Options } from 'execa';"],
  ['src/kernel/a.ts', "import ffi from 'ffi-napi';\nconst ref = require('ref-napi/build/Release/binding.node');"],
  ['src/engine/a.ts', 'const env = spec.process.env;'],
  ['src/cli/main.ts', "import { Command } from 'commander';\nconsole.log(process.env.HOME);\nprocess.exit(0);"],
  [
    'src/index.ts',
    "/** All. */\nexport { run } from './engine/run.ts';\nexport type { X } from './spec/x.ts';\nexport * from './errors/e.ts';",
  ],
];

for (const [path, source] of right) {
  rules(`accepted: ${path}: ${source.slice(0, 60)}`, () => {
    assert.equal(complaints(path, source), []);
  });
}

rules.run();
