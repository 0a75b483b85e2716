import { resolve } from 'node:path';
import type { BindMount, MountOption, Propagation, TmpfsMount } from '../run-options.ts';
import { parseCsvLine } from './parse-csv-line.ts';
import { cleanPath, parseMountTarget } from './parse-mount-target.ts';
import { parseSize } from './parse-size.ts';
import { PROPAGATIONS } from './parse-volume.ts';
import { usageError } from './usage-error.ts';

/** Both spellings of a key → the one used here. */
const keys = (): ReadonlyMap<string, string> =>
  new Map([
    ...[
      'type',
      'source',
      'target',
      'readonly',
      'consistency',
      'bind-propagation',
      'bind-recursive',
      'bind-create-src',
    ].map((key) => [key, key] as const),
    ...['tmpfs-size', 'tmpfs-mode'].map((key) => [key, key] as const),
    ...['volume-subpath', 'volume-nocopy', 'volume-label', 'volume-driver', 'volume-opt', 'image-subpath'].map(
      (key) => [key, key] as const,
    ),
    ['src', 'source'],
    ['dst', 'target'],
    ['destination', 'target'],
    ['ro', 'readonly'],
  ]);
const SWITCHES: ReadonlySet<string> = new Set(['readonly', 'ro', 'volume-nocopy', 'bind-create-src']);
const RECURSIVE: ReadonlySet<string> = new Set(['enabled', 'disabled', 'writable', 'readonly']);

/**
 * --mount: `type=bind,source=/a,target=/b[,readonly][,bind-propagation=…][,bind-recursive=…][,bind-create-src]` or
 * `type=tmpfs,target=/b[,tmpfs-size=…][,tmpfs-mode=…]`. A key that is there twice: the last one counts, as in Docker.
 */
export function parseMount(text: string, cwd: string): MountOption {
  const trimmed = text.trim();
  if (trimmed === '') throw usageError('value is empty');
  const values = new Map(parseCsvLine(trimmed).map(parseField));
  const type = values.get('type')?.toLowerCase() ?? 'volume';
  refuseForeign(values, type);
  if (type === 'bind') return bind(values, cwd);
  if (type === 'tmpfs') return tmpfs(values);
  throw type === 'volume'
    ? usageError(
        'mounts of type volume are not supported',
        'named volumes arrive later; give type=bind and an absolute directory',
      )
    : usageError(`mount type unknown: '${type}'`, 'the types are bind and tmpfs');
}

function parseField(field: string): [key: string, value: string] {
  const at = field.indexOf('=');
  const key = at < 0 ? field : field.slice(0, at);
  const value = at < 0 ? undefined : field.slice(at + 1);
  if (key !== key.trim())
    throw usageError(`invalid option '${key.trim()}' in '${field}': option should not have whitespace`);
  if (value?.trim() === '') throw usageError(`invalid value for '${key}': value is empty`);
  if (value !== undefined && value !== value.trim())
    throw usageError(`invalid value for '${key}' in '${field}': value should not have whitespace`);
  const lower = key.toLowerCase();
  if (lower === 'bind-nonrecursive')
    throw usageError('bind-nonrecursive is deprecated, use bind-recursive=disabled instead');
  if (value === undefined && !SWITCHES.has(lower))
    throw usageError(`invalid field '${field}' must be a key=value pair`);
  const known = keys().get(lower);
  if (known === undefined) throw usageError(`unknown option '${lower}' in '${field}'`);
  return [known, value ?? 'true'];
}

/** `bind-propagation` for a tmpfs is a mistake, not a wish. */
function refuseForeign(values: ReadonlyMap<string, string>, type: string): void {
  for (const kind of ['bind', 'tmpfs', 'volume', 'image']) {
    if (kind === type) continue;
    if ([...values.keys()].some((key) => key.startsWith(`${kind}-`)))
      throw usageError(`cannot mix '${kind}-*' options with mount type '${type}'`);
  }
}

function target(values: ReadonlyMap<string, string>, type: string): string {
  const found = values.get('target');
  if (found === undefined) throw usageError(`invalid mount config for type "${type}": field Target must not be empty`);
  return parseMountTarget(found);
}

function bind(values: ReadonlyMap<string, string>, cwd: string): BindMount {
  const given = values.get('source');
  if (given === undefined) throw usageError('invalid mount config for type "bind": field Source must not be empty');
  const source = given.startsWith('.') ? resolve(cwd, given) : given;
  if (!source.startsWith('/') || source.includes('\0'))
    throw usageError(`invalid mount path: '${given}' mount path must be absolute`);
  const readonly = flag(values, 'readonly');
  const propagation = values.get('bind-propagation')?.toLowerCase() as Propagation | undefined;
  if (propagation !== undefined && !PROPAGATIONS.includes(propagation))
    throw usageError(`invalid propagation mode: ${propagation}`);
  const recursive = values.get('bind-recursive') ?? 'enabled';
  checkRecursive(recursive, readonly, propagation);
  return {
    type: 'bind',
    source: cleanPath(source),
    target: target(values, 'bind'),
    readonly,
    propagation,
    nonRecursive: recursive === 'disabled',
    readonlyRecursive: recursive === 'readonly',
    createSource: flag(values, 'bind-create-src'),
  };
}

function checkRecursive(recursive: string, readonly: boolean, propagation: Propagation | undefined): void {
  if (!RECURSIVE.has(recursive)) {
    throw usageError(
      `invalid value for bind-recursive: ${recursive} (must be "enabled", "disabled", "writable", or "readonly")`,
    );
  }
  if ((recursive === 'writable' || recursive === 'readonly') && !readonly) {
    throw usageError(`option 'bind-recursive=${recursive}' requires 'readonly' to be specified in conjunction`);
  }
  if (recursive === 'readonly' && propagation !== 'rprivate') {
    throw usageError(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}

function tmpfs(values: ReadonlyMap<string, string>): TmpfsMount {
  if (values.has('source'))
    throw usageError('invalid mount config for type "tmpfs": field Source must not be specified');
  const size = values.get('tmpfs-size');
  const mode = values.get('tmpfs-mode');
  if (mode !== undefined && !/^[0-7]{1,5}$/.test(mode))
    throw usageError(`invalid value for tmpfs-mode: ${mode}`, 'give an octal mode, such as 1777');
  const octal = mode === undefined ? undefined : Number.parseInt(mode, 8);
  if (octal !== undefined && octal > 0o7777)
    throw usageError(`invalid value for tmpfs-mode: ${mode}`, 'give an octal mode, such as 1777');
  return {
    type: 'tmpfs',
    target: target(values, 'tmpfs'),
    readonly: flag(values, 'readonly'),
    size: size === undefined ? undefined : tmpfsSize(size),
    mode: octal,
    options: [],
  };
}

function tmpfsSize(text: string): number {
  try {
    return parseSize(text);
  } catch {
    throw usageError(`invalid value for tmpfs-size: ${text}`, 'a size is a number with a unit, such as 64m');
  }
}

function flag(values: ReadonlyMap<string, string>, key: string): boolean {
  const value = values.get(key) ?? 'false';
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw usageError(
    `invalid value for '${key}': invalid boolean value ("${value}"): must be one of "true", "1", "false", or "0" (default "true")`,
  );
}
