#!/usr/bin/env -S node --
// Started by native/launch.c. Without the -- Node takes an --env-file among our own words for its own.
//
// Starts a bundle of dist/ with the compiled code that bin/keep-code.cjs left beside it: V8 then neither parses nor compiles what a
// `run` uses, which is half of our start-up. Another Node, or other V8 flags, refuse that code and compile anew.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

/** The verbs in a hurry have bundles without the others: every byte that is read costs, the first touch of a page 2 µs. */
const HURRIED = ['run', 'exec', 'stop', 'rm'];

const bundle = (name) => `${__dirname.slice(0, __dirname.lastIndexOf('/'))}/dist/${name}.cjs`;

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

/** A require for a file in `directory`. Node's own modules, which is nearly all that is asked for, need no look at the disk. */
function requireFrom(directory) {
  return (name) =>
    name.startsWith('node:') ? require(name) : require('node:module').createRequire(`${directory}/_`)(name);
}

/** Returns what the bundle exports. */
function start(script, file) {
  const module = { exports: {} };
  const directory = file.slice(0, file.lastIndexOf('/'));
  script.runInThisContext().call(module.exports, module.exports, requireFrom(directory), module, file, directory);
  return module.exports;
}

function startBundle(file) {
  let text;
  try {
    text = readBundle(file);
  } catch {
    process.stderr.write(`tsrun: ${file} is not built\nhint: npm run build\n`);
    process.exit(125);
  }
  return start(new Script(text, { filename: file, cachedData: readOrNothing(cacheOf(file, text)) }), file);
}

/** The bundle of a verb in a hurry understands what is plainly spelled, and leaves the rest to that of all verbs. */
function boot(verb) {
  if (HURRIED.includes(verb) && startBundle(bundle(verb)).understood) return;
  startBundle(bundle('cli'));
}

if (require.main === module) boot(process.argv[2]);
else module.exports = { HURRIED, bundle, start, readBundle, cacheOf };
