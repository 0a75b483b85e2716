#!/usr/bin/env node
// Everything that a clone needs before `tsrun` runs: packages, their compiled addons, native/, dist/. Quick when done.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { HURRIED, bundle, cacheOf, readBundle } = createRequire(import.meta.url)('./tsrun.cjs');
const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const inRoot = (...parts) => join(root, ...parts);
const say = (text) => process.stderr.write(`${text}\n`);

export class SetupError extends Error {}

/** Linux and a Node that runs us; the rest is found out by doing it. */
export function checkMachine() {
  if (process.platform !== 'linux') {
    throw new SetupError('tsrun needs Linux\nhint: run it in a virtual machine with Linux');
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupError(`tsrun needs Node 20 or newer, and this is ${process.version}`);
  }
}

/** Runs a program with its output on our stderr; true when it succeeded. */
function run(program, args, options = {}) {
  say(`$ ${[program, ...args].join(' ')}`);
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0;
}

function hasTool(name) {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, name)));
}

/** The hint for a failed compilation: what is not there, and how to get it. */
function missingTools() {
  if (/\s/.test(root))
    return '\nhint: node-gyp compiles nothing below a directory with a space in its name: move the clone';
  const packages = { python3: 'python3', make: 'make', gcc: 'gcc', 'g++': 'g++' };
  const missing = Object.keys(packages).filter((name) => !hasTool(name));
  if (missing.length === 0) return '';
  return `\nhint: missing ${missing.join(', ')}: apt-get install ${missing.map((name) => packages[name]).join(' ')}`;
}

/** Newest change below `path`, in ms; a removed file shows in its directory's time. */
function newest(path) {
  const stat = lstatSync(path, { throwIfNoEntry: false }); // a link's own: bin/tsrun leads to what is built
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs);
}

/** The stamp is the lock file as it was installed: a checkout changes the file's time, not its text. */
function installPackages() {
  const stamp = inRoot('node_modules', '.tsrun-lock');
  const lock = existsSync(inRoot('package-lock.json')) ? readFileSync(inRoot('package-lock.json'), 'utf8') : '';
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  const quiet = ['--no-audit', '--no-fund'];
  const done = (lock !== '' && run('npm', ['ci', ...quiet])) || run('npm', ['install', ...quiet]);
  if (!done) throw new SetupError(`cannot install the packages: npm failed${missingTools()}`);
  writeFileSync(stamp, lock);
}

const ADDONS = {
  'ref-napi': 'ref-napi/build/Release/binding.node',
  '@2060.io/ref-napi': '@2060.io/ref-napi/build/Release/binding.node',
  'ffi-napi': 'ffi-napi/build/Release/ffi_bindings.node',
};

/** npm runs the packages' install scripts only where its settings allow it; we do not depend on that. */
function buildAddons() {
  const missing = () => Object.keys(ADDONS).filter((name) => existsSync(inRoot('node_modules', name)) && !built(name));
  const built = (name) => existsSync(inRoot('node_modules', ADDONS[name]));
  if (missing().length === 0) return;
  run('npm', ['rebuild', ...missing(), '--foreground-scripts']);
  for (const name of missing()) nodeGyp(name);
  if (missing().length > 0) throw new SetupError(`cannot compile ${missing().join(', ')}${missingTools()}`);
}

/** The compiler driver that comes with npm, called as npm's own install scripts would. */
function nodeGyp(name) {
  const npm = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout.trim();
  const candidates = [
    join(npm, 'npm/node_modules/node-gyp/bin/node-gyp.js'),
    '/usr/share/nodejs/node-gyp/bin/node-gyp.js',
  ];
  const program = candidates.find((path) => existsSync(path));
  if (program) run(process.execPath, [program, 'rebuild'], { cwd: inRoot('node_modules', name) });
}

const PRODUCTS = ['libtsrun.so', 'tsrun-monitor', 'tsrun'];

/** make knows itself what is out of date, but asking it takes longer than looking at the times. */
function buildNative() {
  if (!existsSync(inRoot('native', 'Makefile'))) return;
  const products = PRODUCTS.map((name) => newest(inRoot('native/build', name)));
  const sources = readdirSync(inRoot('native')).filter((name) => name !== 'build');
  if (Math.min(...products) > Math.max(...sources.map((name) => newest(inRoot('native', name))))) return;
  const begun = new Date();
  // Two set-ups at once (two shells of one clone) would link into the same file.
  const lock = hasTool('flock') ? ['flock', 'native'] : [];
  const [program, ...args] = [...lock, 'make', '-s', '-C', 'native'];
  if (!run(program, args)) throw new SetupError(`cannot compile native/${missingTools()}`);
  // make leaves alone what is up to date, and we would ask it again and again.
  for (const name of PRODUCTS) utimesSync(inRoot('native/build', name), begun, begun);
}

async function buildDist() {
  const sources = ['src', 'bin', 'package.json', 'node_modules/.tsrun-lock'].map((name) => newest(inRoot(name)));
  const stale = Math.max(...sources) > newest(inRoot('dist', '.stamp'));
  if (!stale && hasCode()) return;
  const { buildAll, keepCode } = await import('./build.mjs');
  try {
    await (stale ? buildAll() : keepCode());
  } catch (error) {
    throw new SetupError(`cannot build dist/: ${error.message}`);
  }
}

/** Does dist/ hold V8's code of each bundle for this Node? Another version may have made it, or made some of the bundles anew. */
function hasCode() {
  return ['cli', ...HURRIED]
    .map(bundle)
    .every((file) => !existsSync(file) || existsSync(cacheOf(file, readBundle(file))));
}

export async function setup() {
  checkMachine();
  installPackages();
  buildAddons();
  buildNative();
  await buildDist();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup().catch((error) => {
    say(error instanceof SetupError ? `setup: ${error.message}` : error.stack);
    process.exit(1);
  });
}
