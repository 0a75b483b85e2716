import { readFileSync } from 'node:fs';
import { TsrunError } from '../errors/tsrun-error.ts';
import { parseSpec } from '../spec/validate.ts';
import { type Bundle, bundleFrom } from './bundle.ts';

/** A bundle from its directory. @throws TsrunError 'config' that names the field */
export function readBundle(directory: string): Bundle {
  const path = `${directory}/config.json`;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new TsrunError('config', `${path}: ${(cause as Error).message}`, { cause });
  }
  return bundleFrom(directory, parseSpec(json, 'config.json'));
}
