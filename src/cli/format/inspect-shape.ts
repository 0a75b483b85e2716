import { TypedMap } from './template.ts';

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

/**
 * The JSON of `inspect` for a template, with what docker knows from its Go types and plain JSON cannot tell:
 * `{{index .Config.Labels "none"}}` is empty, `{{.Config.Labels.none}}` is `<no value>`, and `.ID` is `.Id`.
 * `{{json .}}` prints the same as before. The argument stays as it is.
 */
export function inspectShape(container: Json): Json {
  const shaped = TYPED_MAPS.reduce((json, { path, zero }) => withTypedMap(json, path, zero), container);
  if (!Object.hasOwn(shaped, 'Id') || Object.hasOwn(shaped, 'ID')) return shaped;
  // Not enumerable: to be found by its name, not to be printed.
  return Object.defineProperty({ ...shaped }, 'ID', { value: shaped.Id });
}

function withTypedMap(json: Json, path: readonly string[], zero: unknown): Json {
  const [name, ...rest] = path as [string, ...string[]];
  const value = Object.hasOwn(json, name) ? json[name] : undefined;
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (rest.length > 0) return isObject ? { ...json, [name]: withTypedMap(value as Json, rest, zero) } : json;
  return isObject || value === null ? { ...json, [name]: new TypedMap(value as Json | null, zero) } : json;
}
