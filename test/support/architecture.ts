import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { type Import, importsOf, sourceText } from './source-text.ts';

/** From the top down; the rooms of one layer never import each other. The map is in CONTRIBUTING.md. */
const LAYERS = [
  ['cli', 'index'],
  ['engine'],
  ['runtime'],
  ['rootfs', 'namespace', 'security', 'cgroup', 'network', 'store', 'image', 'monitor'],
  ['plan'],
  ['kernel'],
  ['spec'],
  ['errors'],
];

const DOOR = 'cli';
const MAX_LINES = 250;

/** Packages, and who may import them how. Whatever else src/ imports is its own or Node's. */
const PACKAGES: Readonly<Record<string, (room: string, found: Import) => boolean>> = {
  'ffi-napi': (room) => room === 'kernel',
  'ref-napi': (room) => room === 'kernel',
  commander: (room) => room === 'cli',
  execa: (_room, found) => found.dynamic || found.typeOnly,
};

const ONLY_IN_DOORS: readonly [RegExp, string][] = [
  [/(?<![.\w$])process\s*\??\.\s*exit\b/, 'process.exit'],
  // A variable named `process` (the OCI one) is refused too: a reader takes it for Node's, and so would this.
  [/(?<![.\w$])process\s*\??\.\s*env\b/, 'process.env'],
  [/(?<![.\w$])process\s*\[/, 'process[…]'],
  [/\{[^{}]*\b(?:env|exit)\b[^{}]*\}\s*=\s*process\b/, 'process taken apart'],
  [/(?<![.\w$])console\b/, 'console'],
];

/** The room of a file: `src/plan/encode.ts` is in `plan`, `src/index.ts` is `index`. */
export function roomOf(path: string): string {
  return (
    path
      .replace(/^src\//, '')
      .replace(/\.ts$/, '')
      .split('/')[0] ?? ''
  );
}

export function rooms(): string[] {
  return LAYERS.flat().filter((room) => room !== 'index');
}

function layerOf(room: string): number {
  return LAYERS.findIndex((layer) => layer.includes(room));
}

/** What breaks the rules in one source; `path` is its path from the root of the repository. Empty when all is well. */
export function complaints(path: string, source: string): string[] {
  const { code, bare } = sourceText(source);
  const found = [
    ...nameComplaints(path),
    ...importsOf(code).flatMap((one) => importComplaints(path, one)),
    ...(roomOf(path) === DOOR ? [] : doorComplaints(code, bare)),
  ];
  const lines = source.trimEnd().split('\n').length;
  if (lines > MAX_LINES) found.push(`${lines} lines, more than ${MAX_LINES}`);
  if (/\bexport\s+default\b|\bas\s+default\b/.test(bare)) found.push('a default export');
  if (path === 'src/index.ts' && !isReExports(bare)) found.push('index.ts is more than re-exports');
  return found.map((text) => `${path}: ${text}`);
}

function nameComplaints(path: string): string[] {
  const words = path
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/');
  const found = words
    .filter((word) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(word))
    .map((word) => `${word}: not kebab-case`);
  if (layerOf(roomOf(path)) < 0) found.push(`${roomOf(path)}: not on the map in CONTRIBUTING.md`);
  if (/^(utils?|helpers?|misc|common)$/.test(words.at(-1) ?? '')) found.push('a name that says nothing');
  return found;
}

function importComplaints(path: string, found: Import): string[] {
  const { specifier } = found;
  if (specifier.startsWith('.')) return ownComplaints(path, specifier);
  if (specifier.startsWith('node:')) return [];
  if (builtinModules.includes(specifier.split('/')[0] ?? '')) return [`imports ${specifier} without node:`];
  const allowed = PACKAGES[specifier.split('/')[0] ?? ''];
  if (allowed === undefined) return [`imports ${specifier}, which is not a package of src/`];
  return allowed(roomOf(path), found) ? [] : [`may not import ${specifier}${found.dynamic ? '' : ' like this'}`];
}

function ownComplaints(path: string, specifier: string): string[] {
  const target = normalize(join(dirname(path), specifier));
  const [from, to] = [roomOf(path), roomOf(target)];
  if (!specifier.endsWith('.ts')) return [`imports ${specifier} without .ts`];
  if (!target.startsWith('src/')) return [`imports ${specifier}, outside of src/`];
  if (from === to || layerOf(from) < layerOf(to)) return [];
  const how = layerOf(from) === layerOf(to) ? 'a sibling' : 'up';
  return [`imports ${specifier}: ${from} to ${to} is ${how}, imports go down only`];
}

function doorComplaints(code: string, bare: string): string[] {
  const found = ONLY_IN_DOORS.filter(([pattern]) => pattern.test(bare)).map(([, what]) => what);
  const imported = importsOf(code).filter(
    ({ specifier }) => specifier === 'node:process' || specifier === 'node:console',
  );
  if (imported.some(({ specifier, names }) => specifier === 'node:console' || /\b(env|exit)\b/.test(names))) {
    found.push('an import of env, exit or console');
  }
  return found.map((what) => `${what} outside of ${DOOR}/`);
}

function isReExports(bare: string): boolean {
  return bare.replace(/^\s*export\s+(type\s+)?(\{[^}]*\}|\*(\s+as\s+\w+)?)\s*from\s*;?/gm, '').trim() === '';
}
