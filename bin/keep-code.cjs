// node keep-code.cjs: writes V8's compiled code of the bundles in dist/ beside them, for bin/tsrun.cjs.
//
// Best is the code of exactly the functions that a verb uses, so each verb in a hurry is done once, in a small root of its own.
// Where that is not possible (not root) it is the code of all functions: more to read, 2 ms slower.
const {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');
const { spawn, spawnSync } = require('node:child_process');
const { HURRIED, bundle, cacheOf, readBundle, start } = require('./tsrun.cjs');

const TSRUN = join(__dirname, 'tsrun.cjs');
const TIMEOUT_MS = 10_000;
/** What `cat` echoes when its container runs. */
const ECHO = 'x';

const cachePath = (verb) => cacheOf(bundle(verb), readBundle(bundle(verb)));
const partPath = (verb) => `${cachePath(verb)}.part`;

/** In a process of its own: does what the words say and leaves the code that it took. */
function record(verb, words) {
  const usual = usualHead();
  const script = new Script(readBundle(bundle(verb)), { filename: bundle(verb) });
  const keep = () => writeFileSync(partPath(verb), withFlagsOf(usual, script.createCachedData()));
  beforeCalls(keep);
  process.on('exit', keep);
  process.argv.splice(1, Number.POSITIVE_INFINITY, TSRUN, ...words);
  start(script, bundle(verb));
}

/** The last call of the kernel never returns when all goes well, as this process then becomes the relay: so `todo` is done before each. */
function beforeCalls(todo) {
  const { dlopen } = process;
  process.dlopen = (module, ...rest) => {
    dlopen.call(process, module, ...rest);
    const { initializeBindings } = module.exports;
    if (initializeBindings === undefined) return;
    module.exports.initializeBindings = (ref) => {
      const bindings = initializeBindings(ref);
      const { ffi_call } = bindings;
      bindings.ffi_call = (...args) => {
        todo();
        return ffi_call(...args);
      };
      return bindings;
    };
  };
}

/** Records in a child process; whether the verb ended with `status`, that is, whether its code is whole. */
function recorded(verb, status, words) {
  const child = spawnSync(process.execPath, [__filename, 'record', verb, ...words], {
    stdio: 'ignore',
    timeout: TIMEOUT_MS,
  });
  if (child.status === status) keepPart(verb);
  rmSync(partPath(verb), { force: true });
  return child.status === status;
}

/** It is on the disk before it has its name: Node 20 executes what is there without a look at its checksum. */
function keepPart(verb) {
  const fd = openSync(partPath(verb), 'r');
  fsyncSync(fd);
  closeSync(fd);
  renameSync(partPath(verb), cachePath(verb));
}

/** To be taken before this process changes V8's flags. */
function usualHead() {
  return new Script('0', { filename: 'usual' }).createCachedData();
}

/** The hash of other flags in its head would have the code refused: takes over the usual one. */
function withFlagsOf(usual, code) {
  const flagsAt = 12;
  usual.copy(code, flagsAt, flagsAt, flagsAt + 4);
  return code;
}

function keepAll(verb) {
  const text = readBundle(bundle(verb));
  const usual = usualHead();
  setFlagsFromString('--no-lazy');
  const code = withFlagsOf(usual, new Script(text, { filename: bundle(verb) }).createCachedData());
  setFlagsFromString('--lazy');
  if (new Script(text, { filename: bundle(verb), cachedData: code }).cachedDataRejected) return;
  writeFileSync(partPath(verb), code);
  keepPart(verb);
}

/** A root with `cat`, and a container in it that runs until its standard input ends. */
async function withContainer(scratch, use) {
  const root = join(scratch, 'root');
  const node = (...words) => [process.execPath, ['--', TSRUN, ...words]];
  if (spawnSync(...node('rootfs', root, 'cat', 'true'), { stdio: 'ignore', timeout: TIMEOUT_MS }).status !== 0) return;
  const [program, words] = node('run', '-i', '--name', 'warm', root, 'cat');
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stdin.on('error', () => {}); // it could not be started: `ended` says so
  child.stdin.write(ECHO);
  await Promise.race([ended, new Promise((resolve) => child.stdout.once('data', resolve))]);
  try {
    use(root);
  } finally {
    child.stdin.end();
    await ended;
  }
}

async function keepUsed() {
  const scratch = mkdtempSync(join(tmpdir(), 'tsrun-build-'));
  Object.assign(process.env, { TSRUN_ROOT: join(scratch, 'data'), TSRUN_RUN: join(scratch, 'state') });
  try {
    recorded('cli', 0, ['ps', '-a']);
    if (process.getuid() !== 0) return;
    await withContainer(scratch, (root) => {
      recorded('run', 0, ['run', '--rm', root, 'true']);
      recorded('exec', 0, ['exec', 'warm', 'true']);
      recorded('stop', 0, ['stop', 'warm']);
      recorded('rm', 0, ['rm', 'warm']);
    });
  } finally {
    // Not rmSync: should a mount ever be left in there, what is behind it stays.
    spawnSync('rm', ['-rf', '--one-file-system', scratch]);
  }
}

async function main() {
  await keepUsed();
  for (const verb of ['cli', ...HURRIED]) if (!existsSync(cachePath(verb))) keepAll(verb);
}

const [mode, verb, ...words] = process.argv.slice(2);
if (mode === 'record') record(verb, words);
else void main();
