import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { sourceDirectories } from '../../bin/esbuild-plugins.mjs';

const CHILD = 'test/support/child.ts';

/** Test files as plain JavaScript. */
export interface Bundle {
  /** Of each test file that compiles, the path of its output. */
  readonly outputs: ReadonlyMap<string, string>;
  /** Of each that does not, why. */
  readonly broken: ReadonlyMap<string, string>;
  /** The program that runs one output. */
  readonly child: string;
  remove(): void;
}

/**
 * Compiles all test files at once, shared modules in chunks: a tenth of a second for everything, where starting each file
 * with tsx costs half a second per file. Inside node_modules, so that packages are found.
 */
export async function bundleTests(root: string, files: readonly string[]): Promise<Bundle> {
  const outdir = join(root, 'node_modules', '.tsrun-test', `${process.pid}`);
  const compile = (entryPoints: string[], write: boolean): Promise<unknown> =>
    build({ ...options(root), entryPoints, outdir, write });
  const broken = new Map<string, string>();
  const whole = await problem(() => compile([...files, CHILD], true));
  if (whole !== undefined) {
    for (const file of files) {
      const reason = await problem(() => compile([file], false));
      if (reason !== undefined) broken.set(file, reason);
    }
    await compile([...files.filter((file) => !broken.has(file)), CHILD], true);
  }
  const output = (file: string): string => join(outdir, file.replace(/\.ts$/, '.mjs'));
  return {
    outputs: new Map(files.filter((file) => !broken.has(file)).map((file) => [file, output(file)])),
    broken,
    child: output(CHILD),
    remove: () => rmSync(outdir, { recursive: true, force: true }),
  };
}

function options(root: string): BuildOptions {
  return {
    absWorkingDir: root,
    outbase: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'silent',
    plugins: [watchUvu, sourceDirectories((directory) => JSON.stringify(directory))],
  };
}

async function problem(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `uvu` of the tests is watched-uvu.ts, which imports the real one. `uvu/assert` is left alone. */
const watchUvu: Plugin = {
  name: 'watch-uvu',
  setup({ onResolve }) {
    const watched = join(import.meta.dirname, 'watched-uvu.ts');
    onResolve({ filter: /^uvu$/ }, ({ importer }) => (importer === watched ? undefined : { path: watched }));
  },
};
