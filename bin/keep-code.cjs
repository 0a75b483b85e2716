// node keep-code.cjs FILE: writes V8's compiled code of the bundle FILE beside it, for bin/boot.cjs.
//
// Best is the code of exactly the functions that a `run` uses, so one is made, in an empty root where the command cannot
// be found. Where that is not possible (not root) it is the code of all functions: more to read, 2 ms slower.
const { mkdirSync, mkdtempSync, renameSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');
const { spawnSync } = require('node:child_process');
const { cacheOf, readBundle, start } = require('./boot.cjs');

const mode = process.argv[3];
const file = resolve(process.argv[2]);
const text = readBundle(file);
const target = cacheOf(file, text);

function keep(code) {
  const temporary = `${target}.${process.pid}`;
  writeFileSync(temporary, code);
  renameSync(temporary, target);
}

/** Runs a container in this process and keeps what got compiled. Exit code 127: all went well up to the exec. */
function keepUsed() {
  const scratch = mkdtempSync(join(tmpdir(), 'tsrun-build-'));
  const [data, empty] = [join(scratch, 'data'), join(scratch, 'root')];
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(empty, name), { recursive: true });
  const script = new Script(text, { filename: file });
  const words = ['tsrun', '--data-root', data, 'run', '--rm', empty, '/no-such-command'];
  process.argv.splice(1, Number.POSITIVE_INFINITY, ...words);
  process.on('exit', (status) => {
    if (status === 127) keep(script.createCachedData());
    // Not rmSync: should a mount ever be left in there, what is behind it stays.
    spawnSync('rm', ['-rf', '--one-file-system', scratch]);
  });
  start(script, file);
}

/** The flags' hash in the head of the code would be refused in a process without this flag: take over the usual one. */
function keepAll() {
  const usual = new Script('0', { filename: 'usual' }).createCachedData();
  setFlagsFromString('--no-lazy');
  const code = new Script(text, { filename: file }).createCachedData();
  setFlagsFromString('--lazy');
  const flagsAt = 12;
  usual.copy(code, flagsAt, flagsAt, flagsAt + 4);
  if (!new Script(text, { filename: file, cachedData: code }).cachedDataRejected) keep(code);
}

if (mode === 'used') keepUsed();
else {
  const { status } = spawnSync(process.execPath, [__filename, file, 'used'], { stdio: 'ignore', timeout: 20_000 });
  if (status !== 127) keepAll();
}
