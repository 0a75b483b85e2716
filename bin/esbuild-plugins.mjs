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
          .replaceAll('import.meta.url', `('file://' + ${file})`);
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** The expression, in a file of `outdir`, of a directory in the source tree. */
export function besideOutput(outdir) {
  return (directory) => `__dirname + ${JSON.stringify(`/${relative(outdir, directory)}`)}`;
}

const ADDONS = {
  'ffi-napi': 'ffi-napi/build/Release/ffi_bindings.node',
  'ref-napi': 'ref-napi/build/Release/binding.node',
};

// Of `assert` they use these three; Node's own takes 2 ms to load, and `debug` another 3.
const SHIMS = {
  assert: `const fail = (message) => { throw new Error(String(message)); };
    module.exports = Object.assign((value, message) => value || fail(message ?? 'assertion failed'), {
      equal: (a, b) => a == b || fail(a + ' != ' + b), strictEqual: (a, b) => a === b || fail(a + ' !== ' + b) });`,
  debug: 'module.exports = () => Object.assign(() => {}, { enabled: false });',
};

/**
 * Bundles the JavaScript of ffi-napi and ref-napi around their compiled addons. ffi-napi brings ref-napi a second time
 * under its scoped name; both names become one copy, so that types and buffers are shared.
 */
export const nativeAddons = {
  name: 'native-addons',
  setup(build) {
    build.onResolve({ filter: /^@2060\.io\/ref-napi$/ }, ({ resolveDir, kind }) =>
      build.resolve('ref-napi', { resolveDir, kind }),
    );
    build.onResolve({ filter: /^node-gyp-build$/ }, ({ importer }) => ({
      path: importer.includes('ffi-napi') ? 'ffi-napi' : 'ref-napi',
      namespace: 'addon',
    }));
    build.onLoad({ filter: /.*/, namespace: 'addon' }, ({ path }) => ({ contents: addonLoader(path) }));
    build.onResolve({ filter: /^(assert|debug)$/ }, ({ path, importer }) =>
      /\/(ffi-napi|ref-napi|ref-struct-di)\//.test(importer) ? { path, namespace: 'shim' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'shim' }, ({ path }) => ({ contents: SHIMS[path] }));
  },
};

/** Beside us in a clone; where npm put it when tsrun is itself a dependency. */
function addonLoader(name) {
  const addon = JSON.stringify(ADDONS[name]);
  return `module.exports = () => {
    try { return require("../node_modules/" + ${addon}); } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
      return require(${addon});
    }
  };`;
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
  'child_process|crypto|dns|dns/promises|fs/promises|http|net|os|readline|readline/promises|stream|stream/promises|tty|worker_threads|zlib';

/** Makes `const x = require('node:net')` of the output load at its first use. Namespace and default imports stay eager. */
export function lazyBuiltins(text) {
  const pattern = new RegExp(`^(\\s*(?:var|const|let) \\w+ = )require\\("((?:node:)?(?:${HEAVY}))"\\);$`, 'gm');
  const helper = 'var __lazy = (load) => new Proxy({}, { get: (_, key) => load()[key] });';
  const body = text.replace(pattern, '$1__lazy(() => require("$2"));');
  return `${helper}\n${body}`;
}
