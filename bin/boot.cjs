// Starts a bundle of dist/ with the compiled code that bin/keep-code.cjs left beside it: V8 then neither parses nor compiles
// what a `run` uses, which is half of our start-up. Another Node, or other V8 flags, refuse that code and compile anew.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

/** The verbs in a hurry have bundles without the others: every byte that is read costs, the first touch of a page 2 µs. */
const HURRIED = ['run', 'exec'];

/** The bundle for these words. */
function bundleFor([verb]) {
  return `${HURRIED.includes(verb) ? verb : 'cli'}.cjs`;
}

/** The bundle's text as V8 sees it: a function, already in the file, because a text put together here would be copied twice. It is
 * ASCII: latin1 gives V8 the one-byte string that it reads fastest. */
function readBundle(file) {
  return readFileSync(file, 'latin1');
}

/** V8 compares versions, flags and the text's length, not the text: its end, `//` and a digest, is in the name. */
function cacheOf(file, text) {
  return `${file}.${text.slice(-17, -1)}.${process.version}-${process.arch}.cache`;
}

function readOrNothing(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function start(script, file) {
  const module = { exports: {} };
  script.runInThisContext().call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
}

function boot() {
  const file = join(__dirname, '..', 'dist', bundleFor(process.argv.slice(2)));
  let text;
  try {
    text = readBundle(file);
  } catch {
    process.stderr.write(`tsrun: ${file} is not built\nhint: npm run build\n`);
    process.exit(125);
  }
  start(new Script(text, { filename: file, cachedData: readOrNothing(cacheOf(file, text)) }), file);
}

module.exports = { HURRIED, boot, start, readBundle, cacheOf };
