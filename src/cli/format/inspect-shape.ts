import { NIL_LIST, TypedMap } from './template.ts';

type Json = Record<string, unknown>;

/** Maps of a container's JSON that are typed in docker: a name they lack is no error, and `index` gives the zero value. */
const TYPED_MAPS: readonly { path: readonly string[]; zero: unknown }[] = [
  { path: ['Config', 'Labels'], zero: '' },
  { path: ['Config', 'ExposedPorts'], zero: null },
  { path: ['Config', 'Volumes'], zero: null },
  { path: ['HostConfig', 'Annotations'], zero: '' },
  { path: ['HostConfig', 'LogConfig', 'Config'], zero: '' },
  { path: ['HostConfig', 'PortBindings'], zero: null },
  { path: ['HostConfig', 'StorageOpt'], zero: '' },
  { path: ['HostConfig', 'Sysctls'], zero: '' },
  { path: ['HostConfig', 'Tmpfs'], zero: '' },
  { path: ['GraphDriver', 'Data'], zero: '' },
  { path: ['NetworkSettings', 'Ports'], zero: null },
  { path: ['NetworkSettings', 'Networks'], zero: null },
];

/** Lists that docker has a type for: null is an empty one. */
const TYPED_LISTS: readonly (readonly string[])[] = [
  ['ExecIDs'],
  ...['Cmd', 'Entrypoint', 'OnBuild'].map((name) => ['Config', name]),
  ...['Binds', 'VolumesFrom', 'CapAdd', 'CapDrop', 'ExtraHosts', 'GroupAdd', 'Links'].map((name) => [
    'HostConfig',
    name,
  ]),
  ...['SecurityOpt', 'DeviceCgroupRules', 'DeviceRequests', 'MaskedPaths', 'ReadonlyPaths'].map((name) => [
    'HostConfig',
    name,
  ]),
  ...['SecondaryIPAddresses', 'SecondaryIPv6Addresses'].map((name) => ['NetworkSettings', name]),
];

/**
 * The JSON of `inspect` for a template, with what docker knows from its Go types and plain JSON cannot tell:
 * `{{index .Config.Labels "none"}}` is empty, `{{.Config.Labels.none}}` is `<no value>`, and `.ID` is `.Id`.
 * `{{json .}}` prints the same as before. The argument stays as it is.
 */
export function inspectShape(container: Json): Json {
  const mapped = TYPED_MAPS.reduce(
    (json, { path, zero }) => changed(json, path, (value) => typedMap(value, zero)),
    container,
  );
  const shaped = TYPED_LISTS.reduce(
    (json, path) => changed(json, path, (value) => (value === null ? NIL_LIST : value)),
    mapped,
  );
  if (!Object.hasOwn(shaped, 'Id') || Object.hasOwn(shaped, 'ID')) return shaped;
  // Not enumerable: to be found by its name, not to be printed.
  return Object.defineProperty({ ...shaped }, 'ID', { value: shaped.Id });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typedMap(value: unknown, zero: unknown): unknown {
  return isObject(value) || value === null ? new TypedMap(value, zero) : value;
}

/** A copy in which what is at `path` is another, if there is something. */
function changed(json: Json, path: readonly string[], change: (value: unknown) => unknown): Json {
  const [name, ...rest] = path as [string, ...string[]];
  if (!Object.hasOwn(json, name)) return json;
  const value = json[name];
  if (rest.length === 0) return { ...json, [name]: change(value) };
  return isObject(value) ? { ...json, [name]: changed(value, rest, change) } : json;
}
