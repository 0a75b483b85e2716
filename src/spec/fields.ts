import { TsrunError } from '../errors/tsrun-error.ts';

/**
 * Small readers that prove the type of one JSON value each, and name the field when it is not so.
 * A reader takes the value and the path of the field, and returns the value with its type.
 */
export type Reader<T> = (value: unknown, path: string) => T;

/** Marks a field that may be absent (or null, as Go writes an empty slice). */
export interface Optional<T> {
  readonly optional: Reader<T>;
}

/** One reader for every field of T: a field forgotten here is a compile error. */
export type Shape<T> = {
  [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? Optional<NonNullable<T[K]>> : Reader<T[K]>;
};

/** Keys come from the file: control characters are shown as escapes, for the reader's terminal. */
export function invalid(path: string, must: string): TsrunError {
  const message = `${path}: ${must}`.replace(
    /[\x00-\x1f\x7f-\x9f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return new TsrunError('config', message, { code: 'ERR_TSRUN_SPEC' });
}

export function optional<T>(reader: Reader<T>): Optional<T> {
  return { optional: reader };
}

/** `config.json: process.args`: a colon after the file's name, dots after that. */
function below(path: string, field: string): string {
  const name = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(field) ? field : `[${JSON.stringify(field)}]`;
  if (!path.includes(': ')) return `${path}: ${name}`;
  return name.startsWith('[') ? path + name : `${path}.${name}`;
}

/** Strings end up in C: a NUL would cut a path or a flag short after it was checked. */
export const text: Reader<string> = (value, path) => {
  if (typeof value !== 'string') throw invalid(path, 'must be a string');
  if (value.includes('\0')) throw invalid(path, 'must not contain a NUL character');
  return value;
};

export const filled: Reader<string> = (value, path) => {
  if (typeof value !== 'string' || value === '') throw invalid(path, 'must be a non-empty string');
  return text(value, path);
};

export const absolute: Reader<string> = (value, path) => {
  const found = filled(value, path);
  if (!found.startsWith('/')) throw invalid(path, 'must be an absolute path');
  return found;
};

export const flag: Reader<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw invalid(path, 'must be true or false');
  return value;
};

export function integer(min: number, max: number): Reader<number> {
  return (value, path) => {
    // -0 and 1e3 are integers to JSON.parse as well; 2^64 itself is RLIM_INFINITY rounded to a double.
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw invalid(path, `must be an integer from ${min} to ${max}`);
    }
    return value;
  };
}

export function oneOf<T extends string>(...choices: readonly T[]): Reader<T> {
  return (value, path) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw invalid(path, `must be one of ${choices.join(', ')}`);
    return found;
  };
}

export function matching(pattern: RegExp, must: string): Reader<string> {
  return (value, path) => {
    const found = text(value, path);
    if (!pattern.test(found)) throw invalid(path, must);
    return found;
  };
}

export function list<T>(item: Reader<T>): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw invalid(path, 'must be an array');
    return value.map((entry: unknown, index) => item(entry, `${path}[${index}]`));
  };
}

/** A map with free keys. Without a prototype, so that a key `__proto__` is a key like any other. */
export function record<T>(item: Reader<T>): Reader<Record<string, T>> {
  return (value, path) => {
    const source = asObject(value, path);
    const result = Object.create(null) as Record<string, T>;
    for (const key of Object.keys(source)) {
      if (key === '' || key.includes('\0'))
        throw invalid(path, 'must not have an empty key or one with a NUL character');
      result[key] = item(source[key], below(path, key));
    }
    return result;
  };
}

/** Fields that the shape does not name are left behind, as the specification asks. Only own properties are read. */
export function object<T extends object>(shape: Shape<T>): Reader<T> {
  const fields = Object.entries(shape) as Array<[string, Reader<unknown> | Optional<unknown>]>;
  return (value, path) => {
    const source = asObject(value, path);
    const result: Record<string, unknown> = {};
    for (const [name, field] of fields) {
      const found = Object.hasOwn(source, name) ? source[name] : undefined;
      if (typeof field === 'function') {
        if (found === undefined) throw invalid(below(path, name), 'must be given');
        result[name] = field(found, below(path, name));
      } else if (found !== undefined && found !== null) {
        result[name] = field.optional(found, below(path, name));
      }
    }
    return result as T;
  };
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(path, 'must be an object');
  return value as Record<string, unknown>;
}
