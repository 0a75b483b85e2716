import { resolve } from 'node:path';
import type { BindMount, Propagation } from '../run-options.ts';
import { cleanPath, parseMountTarget } from './parse-mount-target.ts';
import { usageError } from './usage-error.ts';

export const PROPAGATIONS: readonly Propagation[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

/** Each word of the third part belongs to one group, and a group may be spoken to once. */
const groups = (): ReadonlyMap<string, string> =>
  new Map([
    ...['ro', 'rw'].map((word) => [word, 'access'] as const),
    ...['z', 'Z'].map((word) => [word, 'label'] as const),
    ...PROPAGATIONS.map((word) => [word, 'propagation'] as const),
    ...['copy', 'nocopy'].map((word) => [word, 'copy'] as const),
    ...['consistent', 'cached', 'delegated'].map((word) => [word, 'consistency'] as const),
  ]);

const NO_VOLUMES = 'named volumes arrive later; give an absolute directory';

/**
 * -v: `source:target[:mode,…]`. A source that begins with a dot is taken from `cwd`. As in Docker, `z` and `Z` (SELinux)
 * and the consistency words change nothing here, and a missing source is made.
 */
export function parseVolume(text: string, cwd: string): BindMount {
  const parts = text.split(':');
  if (text === '' || parts.length > 3 || parts.includes(''))
    throw usageError(`invalid volume specification: '${text}'`);
  const [source = '', target, mode = ''] = parts;
  if (target === undefined)
    throw usageError(`invalid volume specification: '${text}': anonymous volumes are not supported`, NO_VOLUMES);
  // `/data:ro` is a mode without a target; a relative target `ro` would be refused anyway.
  if (parts.length === 2 && modes(target) !== undefined) throw usageError(`invalid volume specification: '${text}'`);
  const found = modes(mode);
  if (found === undefined) throw usageError(`invalid mode: ${mode}`);
  if (found.has('copy'))
    throw usageError(
      `invalid volume specification: '${text}': ${found.get('copy')} is for volumes, this is a directory of the host`,
    );
  return {
    type: 'bind',
    source: hostPath(source, cwd, text),
    target: parseMountTarget(target),
    readonly: found.get('access') === 'ro',
    propagation: found.get('propagation') as Propagation | undefined,
    nonRecursive: false,
    readonlyRecursive: false,
    createSource: true,
  };
}

function hostPath(source: string, cwd: string, text: string): string {
  if (source.includes('\0'))
    throw usageError(`invalid volume specification: '${text}': the source contains a NUL character`);
  if (source.startsWith('.')) return resolve(cwd, source);
  if (source.startsWith('/')) return cleanPath(source);
  throw usageError(
    `invalid volume specification: '${text}': '${source}' is a volume name, and named volumes are not supported`,
    NO_VOLUMES,
  );
}

/** Group → word; `undefined` when a word is unknown or its group is there twice. */
function modes(text: string): Map<string, string> | undefined {
  const result = new Map<string, string>();
  if (text === '') return result;
  for (const word of text.split(',')) {
    const group = groups().get(word);
    if (group === undefined || result.has(group)) return undefined;
    result.set(group, word);
  }
  return result;
}
