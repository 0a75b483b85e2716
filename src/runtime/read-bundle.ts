import { TsrunError } from '../errors/tsrun-error.ts';
import type { Spec } from '../spec/oci.ts';
import { parseSpec } from '../spec/validate.ts';
import { readText } from '../store/files.ts';
import { type Bundle, bundleFrom } from './bundle.ts';

/** A bundle from its directory. @throws TsrunError 'config' that names the goal, the file and the field */
export function readBundle(goal: string, directory: string): Bundle {
  const path = `${directory}/config.json`;
  let json: unknown;
  try {
    json = JSON.parse(readText(path));
  } catch (cause) {
    throw new TsrunError('config', `${goal}: ${path}: ${(cause as Error).message}`, { cause });
  }
  return bundleFrom(directory, specFrom(json, `${goal}: ${directory}`));
}

function specFrom(json: unknown, where: string): Spec {
  try {
    return parseSpec(json, 'config.json');
  } catch (cause) {
    throw new TsrunError('config', `${where}/${(cause as Error).message}`, { cause });
  }
}
