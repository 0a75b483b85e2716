#!/usr/bin/env node
// Bundles src/ into dist/: cli.cjs (the program), execa.cjs (its rarely used chunk), index.js (the library).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { besideOutput, execaChunk, lazyBuiltins, sourceDirectories } from './esbuild-plugins.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const dist = join(root, 'dist');
const cli = join(dist, 'cli.cjs');
const { cacheOf, readBundle } = createRequire(import.meta.url)('./boot.cjs');

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

async function buildCli(entry) {
  const result = await build({
    ...common,
    entryPoints: [entry],
    format: 'cjs',
    // boot.cjs runs the bundle as a script, where import() is not at hand.
    supported: { 'dynamic-import': false },
    plugins: [execaChunk('./execa.cjs'), sourceDirectories(besideOutput(dist))],
    write: false,
  });
  write('cli.cjs', signed(lazyBuiltins(result.outputFiles[0].text)));
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

/** Makes a bundle the function that boot.cjs calls, and leaves its digest in its last line, by which its compiled code is found. */
function signed(text) {
  const whole = `(function (exports, require, module, __filename, __dirname) {${text}})\n`;
  return `${whole}//${createHash('sha256').update(whole).digest('hex').slice(0, 16)}\n`;
}

/** Keeps V8's code of this Node beside the bundle. Starts are only slower without it. */
export function keepCode() {
  if (!existsSync(cli) || existsSync(cacheOf(cli, readBundle(cli)))) return;
  spawnSync(process.execPath, [join(root, 'bin', 'keep-code.cjs'), cli], { stdio: 'ignore', timeout: 30_000 });
  if (!existsSync(cacheOf(cli, readBundle(cli)))) process.stderr.write('build: no code cache: starts are slower\n');
}

function removeOldCode() {
  const [, digest] = basename(cacheOf(cli, readBundle(cli))).match(/^cli\.cjs\.(\w+)\./);
  for (const name of readdirSync(dist)) {
    if (name.endsWith('.cache') && !name.includes(digest)) rmSync(join(dist, name));
  }
}

export async function buildAll() {
  const begun = new Date(); // what is edited meanwhile is newer than the stamp
  mkdirSync(dist, { recursive: true });
  const [program, library] = [join(root, 'src/cli/main.ts'), join(root, 'src/index.ts')];
  await Promise.all([
    existsSync(program) && buildCli(program),
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
