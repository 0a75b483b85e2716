import { TsrunError } from '../errors/tsrun-error.ts';
import { nameOwner } from '../store/names.ts';
import { type ContainerRecord, listIds, readRecord } from '../store/record.ts';
import type { Engine } from './engine.ts';
import { parseContainerReference } from './options/parse-name.ts';

/** The id that a name, an id, or a unique prefix of an id means: Docker's order. @throws TsrunError 'not-found', 'conflict' */
export function findId({ paths }: Engine, reference: string): string {
  const wanted = parseContainerReference(reference);
  const ids = listIds(paths);
  if (ids.includes(wanted)) return wanted;
  const owner = nameOwner(paths, wanted);
  if (owner !== undefined && ids.includes(owner)) return owner;
  const matches = ids.filter((id) => id.startsWith(wanted));
  if (matches.length > 1)
    throw new TsrunError('conflict', `multiple IDs found with provided prefix: ${wanted}`, {
      hint: 'give more digits of the id',
    });
  if (matches[0] === undefined)
    throw new TsrunError('not-found', `No such container: ${wanted}`, { hint: 'see `tsrun ps -a`' });
  return matches[0];
}

/** @throws TsrunError also when its record is damaged */
export function findContainer(engine: Engine, reference: string): ContainerRecord {
  const id = findId(engine, reference);
  const record = readRecord(engine.paths, id);
  if (record === undefined)
    throw new TsrunError('not-found', `No such container: ${reference}`, { hint: 'see `tsrun ps -a`' });
  return record;
}
