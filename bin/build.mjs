#!/usr/bin/env node
// Bundles src/ into dist/: cli.cjs (the program), run.cjs, exec.cjs … (the same for one verb each: bin/tsrun.cjs), execa.cjs (a rarely
// used chunk), index.js (the library).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { besideOutput, execaChunk, lazyBuiltins, smallCommander, sourceDirectories } from './esbuild-plugins.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const dist = join(root, 'dist');
const { HURRIED, bundle, cacheOf, readBundle } = createRequire(import.meta.url)('./tsrun.cjs');
/** Bundle → where it begins. */
const programs = new Map([
  [bundle('cli'), join(root, 'src/cli/main.ts')],
  ...HURRIED.map((verb) => [bundle(verb), join(root, `src/cli/hurried-${verb}.ts`)]),
]);

/** Plain CommonJS, not minified: it loads 3 to 7 ms sooner than ESM on Node 20, and its stack traces can be read. */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: ['ffi-napi', 'ref-napi', 'execa'],
  legalComments: 'none',
  logLevel: 'warning',
  logOverride: { 'empty-import-meta': 'error' },
};

async function buildProgram(entry, file) {
  const result = await build({
    ...common,
    entryPoints: [entry],
    format: 'cjs',
    // bin/tsrun.cjs runs the bundle as a script, where import() is not at hand.
    supported: { 'dynamic-import': false },
    plugins: [smallCommander(), execaChunk('./execa.cjs'), sourceDirectories(besideOutput(dist))],
    write: false,
  });
  const { code } = await transform(lazyBuiltins(result.outputFiles[0].text), {
    minifyWhitespace: true,
    lineLimit: 200,
  });
  write(basename(file), signed(code));
}

async function buildExeca() {
  await build({ ...common, external: [], entryPoints: ['execa'], format: 'cjs', outfile: join(dist, 'execa.cjs') });
}

async function buildLibrary(entry) {
  const banner = [
    "import { createRequire as __createRequire } from 'node:module';",
    'const require = __createRequire(import.meta.url);',
    "const __filename = decodeURIComponent(new URL(import.meta.url).pathname), __dirname = __filename.replace(/\\/[^/]*$/, '');",
  ];
  await build({
    ...common,
    entryPoints: [entry],
    format: 'esm',
    outfile: join(dist, 'index.js'),
    banner: { js: banner.join('\n') },
    plugins: [sourceDirectories(besideOutput(dist))],
  });
}

/** Complete at every moment: others may be running the program. */
function write(name, text) {
  const temporary = join(dist, `.${name}.${process.pid}`);
  writeFileSync(temporary, text);
  renameSync(temporary, join(dist, name));
}

/** Makes a bundle the function that bin/tsrun.cjs calls, and leaves its digest in its last line, by which its compiled code is found. */
function signed(text) {
  // esbuild escapes what is in strings, but not what is in regular expressions.
  const [found] = text.match(/.{0,40}[^\x00-\x7f].{0,40}/) ?? [];
  if (found !== undefined) throw new Error(`bundles are read as ASCII, and this is not: ${found}`);
  const whole = `(function (exports, require, module, __filename, __dirname) {${text}})\n`;
  return `${whole}//${createHash('sha256').update(whole).digest('hex').slice(0, 16)}\n`;
}

const codeOf = (file) => cacheOf(file, readBundle(file));

/** Keeps V8's code of this Node beside the bundles. Starts are only slower without it. */
export function keepCode() {
  const wanting = () => [...programs.keys()].filter((file) => existsSync(file) && !existsSync(codeOf(file)));
  if (wanting().length === 0) return;
  spawnSync(process.execPath, [join(root, 'bin', 'keep-code.cjs')], { stdio: 'ignore', timeout: 60_000 });
  if (wanting().length > 0) process.stderr.write('build: no code cache: starts are slower\n');
}

function removeOldCode() {
  const digests = [...programs.keys()].map((file) => basename(codeOf(file)).split('.')[2]);
  for (const name of readdirSync(dist)) {
    if (name.endsWith('.cache') && !digests.includes(name.split('.')[2])) rmSync(join(dist, name));
  }
}

export async function buildAll() {
  const begun = new Date(); // what is edited meanwhile is newer than the stamp
  mkdirSync(dist, { recursive: true });
  const [program, library] = [programs.get(bundle('cli')), join(root, 'src/index.ts')];
  await Promise.all([
    ...[...programs].map(([file, entry]) => existsSync(entry) && buildProgram(entry, file)),
    existsSync(program) && buildExeca(),
    existsSync(library) && buildLibrary(library),
  ]);
  if (existsSync(program)) removeOldCode();
  keepCode();
  write('.stamp', '');
  utimesSync(join(dist, '.stamp'), begun, begun);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildAll();
  process.stdout.write(`built ${readdirSync(dist).sort().join(' ')}\n`);
}
