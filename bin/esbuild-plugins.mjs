// What bundling needs beyond esbuild: bin/build.mjs and test/run.ts share it.
import { readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';

/**
 * `import.meta.dirname` keeps meaning the directory of the source file, so that `join(import.meta.dirname, '../../native')`
 * is right in the bundle too. `place` turns a source file's directory into the expression of it.
 */
export function sourceDirectories(place) {
  return {
    name: 'source-directories',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.')) return undefined;
        const directory = place(dirname(path));
        const file = `${directory} + ${JSON.stringify(path.slice(dirname(path).length))}`;
        const contents = text
          .replaceAll('import.meta.dirname', `(${directory})`)
          .replaceAll('import.meta.filename', `(${file})`)
          .replaceAll('import.meta.url', `('file://' + encodeURI(${file}).replace(/[?#]/g, encodeURIComponent))`);
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** The expression, in a file of `outdir`, of a directory in the source tree. */
export function besideOutput(outdir) {
  return (directory) => `__dirname + ${JSON.stringify(`/${relative(outdir, directory)}`)}`;
}

/** `execa` is a chunk of its own, read from the disk by its first `await import('execa')`. */
export function execaChunk(file) {
  return {
    name: 'execa-chunk',
    setup(build) {
      build.onResolve({ filter: /^execa$/ }, () => ({ path: file, external: true }));
    },
  };
}

// Built-in modules that are not in Node's start-up snapshot: child_process alone takes 2 ms.
const HEAVY =
  'child_process|crypto|dns|dns/promises|fs/promises|http|module|net|os|readline|readline/promises|stream|stream/promises|tty|worker_threads|zlib';

/** Makes `const x = require('node:net')` of the output, or `x = …` in a module that is loaded later, load at its first use. Namespace and default imports stay eager. */
export function lazyBuiltins(text) {
  const pattern = new RegExp(`^(\\s*(?:(?:var|const|let) )?\\w+ = )require\\("((?:node:)?(?:${HEAVY}))"\\);$`, 'gm');
  const helper = 'var __lazy = (load) => new Proxy({}, { get: (_, key) => load()[key] });';
  const body = text.replace(pattern, '$1__lazy(() => require("$2"));');
  return `${helper}\n${askedOnce(body)}`;
}

/** esbuild asks for a built-in module once a source file: twenty times for node:fs, at 5 µs each. */
function askedOnce(text) {
  const first = new Map();
  return text.replace(/^var (\w+) = require\("(node:\w+)"\);$/gm, (line, name, module) => {
    if (first.has(module)) return `var ${name} = ${first.get(module)};`;
    first.set(module, name);
    return line;
  });
}

/**
 * Of commander what src/ uses. Its own way in makes a program that nobody asked for, and copies all names twice. Comments and white
 * space are a third of it, and are read at every start. Names stay: stack traces can be read.
 */
export function smallCommander() {
  return {
    name: 'small-commander',
    setup(build) {
      build.onLoad({ filter: /\/node_modules\/commander\/esm\.mjs$/ }, () => ({
        contents: `const { Command } = require('./lib/command.js');
          const { CommanderError } = require('./lib/error.js');
          const { Argument } = require('./lib/argument.js');
          export { Argument, Command, CommanderError };`,
      }));
      build.onLoad({ filter: /\/node_modules\/commander\/lib\/.*\.js$/ }, async ({ path }) => {
        const { code } = await build.esbuild.transform(readFileSync(path, 'utf8'), {
          minifyWhitespace: true,
          minifySyntax: true,
        });
        return { contents: code, loader: 'js' };
      });
    },
  };
}
